"""Depthwise convolutions, channel by channel and in place, on cores without a DSP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Array, DType, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import epilogue_text, operands
from graphopt.schedules.mcu.scalar.product import WEIGHTS
from graphopt.schedules.mcu.scalar.requantization import (
    Requantization,
    find_requantization,
    finishing,
)
from graphopt.schedules.mcu.scalar.weights import bias_of, packed
from graphopt.schedules.mcu.scalar.window import Window, window_of
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

# Pixels that share the load of a weight, and how many sums are held in memory at a time.
BLOCK = 8
SUMS = 96


@dataclass(frozen=True)
class ScalarDepthwise:
    """The rows of one channel are copied into scratch, then 8 neighbouring pixels computed at once.

    The copy is unsigned, which Armv6-M loads at constant offsets, and splits columns by their
    remainder of the stride, so that the pixels of a tap are always neighbours.
    """

    name: str = "scalar_depthwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv, dtype=DType.I32)
        if isinstance(where, Reject):
            return where
        window = window_of(where.anchor)
        if isinstance(window, Reject):
            return window
        x, w, *bias = where.anchor.inputs
        if w.type.dims[1] != 1 or window.channels == 1:
            return Reject("a window has several channels")
        if x.type.dtype not in (DType.I8, DType.U8) or w.type.dtype not in WEIGHTS[:-1]:
            return Reject("expected x of 8 bits and weights of 2 to 16 bits")
        if window.stride_x not in (1, 2, 4) or not bias:
            return Reject("expected a stride of 1, 2 or 4, and a bias")
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand is broadcast in a way that has no kernel")
        if not where.packable(w, constant_inputs):
            return Reject("the weights are no constant of their own")
        return DepthwisePlan(where, target, window, find_requantization(where)).kernel(
            self.name, text
        )


@dataclass(frozen=True)
class Taps:
    """Weights [outputs, 1, *kernel] as rows of whole bytes; those below a byte are unsigned."""

    dtype: DType

    def __call__(self, array: Array) -> NDArray[np.generic]:
        rows = array.reshape(len(array), -1)
        if self.dtype.bits >= 8:
            return np.ascontiguousarray(rows)
        unsigned = rows.astype(np.int32) + bias_of(self.dtype)
        each = 8 // self.dtype.bits
        return packed(np.pad(unsigned, ((0, 0), (0, -unsigned.shape[1] % each))), self.dtype.bits)


@dataclass(frozen=True)
class DepthwisePlan:
    """How one region is computed; `requantization` is None where its epilogue does more."""

    where: Anchored
    target: McuTarget
    window: Window
    requantization: Requantization | None

    @property
    def x(self) -> Value:
        return self.where.anchor.inputs[0]

    @property
    def weights(self) -> Value:
        return self.where.anchor.inputs[1]

    @property
    def extent_y(self) -> int:
        """Rows of the map that a window spans."""
        return (self.window.kernel_y - 1) * self.window.dilation_y + 1

    @property
    def phase(self) -> int:
        """The columns of one remainder of the stride, of a row in scratch."""
        window = self.window
        extent = (window.kernel_x - 1) * window.dilation_x + 1
        return -(-((window.columns - 1) * window.stride_x + extent) // window.stride_x)

    @property
    def batch_rows(self) -> int:
        """Rows of outputs that are computed before any of them is written."""
        return max(1, min(self.window.rows, SUMS // self.window.columns))

    def kernel(self, name: str, text: str) -> KernelPlan:
        window = self.window
        multiplier = window.outputs // window.channels
        batches = -(-window.rows // self.batch_rows)
        finish = finishing(self.where, self.requantization, self.target)
        return KernelPlan(
            name,
            self.where.region,
            self._build,
            {self.where.input_index(self.weights): Taps(self.weights.type.dtype)},
            self._scratch_bytes(),
            self._inplace(),
            {},
            ("scalar_gather", "scalar_taps", *finish),
            (*window.sizes, multiplier, self.phase, self.batch_rows, batches, self.sums),
            f"stride {window.stride_x}\n{text}",
        )

    def _build(self) -> PrimFunc:
        from graphopt.schedules.mcu.scalar.depthwise_loops import build

        return build(self)

    @property
    def sums(self) -> int:
        """Sums of one batch of rows, with what the last block overwrites behind them."""
        columns = self.window.columns
        return (self.batch_rows - 1) * columns + -(-columns // BLOCK) * BLOCK

    def _scratch_bytes(self) -> int:
        """The taps, the sums, the rows of one channel, and what blocks read beyond them."""
        window = self.window
        row = self.phase * window.stride_x
        rows = (self.batch_rows - 1) * window.stride_y + self.extent_y
        # The routine for RISC-V multiplies an even number of columns.
        even = self.target.mtriple.startswith("riscv32")
        columns = window.columns + (window.columns % 2 if even else 0)
        places = np.arange(window.kernel_x) * window.dilation_x
        last = places % window.stride_x * self.phase + places // window.stride_x
        read = (rows - 1) * row + int(last.max()) + columns
        return 4 * (window.taps + self.sums) + max(rows * row, read)

    def _inplace(self) -> tuple[tuple[int, int], ...]:
        """Residual inputs, and x where each pixel's channel is written after it was read.

        At no other distance: other channels of x are still to be read.
        """
        where, window = self.where, self.window
        if window.outputs != window.channels:
            return ()
        residuals = where.inplace(*where.anchor.inputs)
        outputs = where.region.outputs
        x_alone = self.x not in operands(where.region, where.anchor)
        if not x_alone or len(outputs) != 1 or outputs[0].type.dtype.bits != 8:
            return residuals
        for end in range(self.batch_rows, window.rows, self.batch_rows):
            read = (end - 1) * window.stride_y - window.pad_y + self.extent_y
            read = max(0, min(read, window.height))
            if end * window.columns > read * window.width and read < window.height:
                return residuals
        if window.rows * window.columns > window.height * window.width and window.batch > 1:
            return residuals
        return (*residuals, (where.input_index(self.x), 0))
