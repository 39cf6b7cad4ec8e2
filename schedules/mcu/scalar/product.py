"""Convolutions and matrix products, pixel by pixel, on cores without a DSP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan, Pack
from graphopt.ops import Conv, MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import epilogue_text, operands
from graphopt.schedules.mcu.scalar.requantization import (
    Requantization,
    find_requantization,
    finishing,
)
from graphopt.schedules.mcu.scalar.weights import (
    CHANNELS,
    DEPTH,
    InterleavedWeights,
    PaddedChannels,
)
from graphopt.schedules.mcu.scalar.window import Window, window_of
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

# Channels whose sums are held in memory at a time.
CHUNK = 4 * CHANNELS
WEIGHTS = (DType.I8, DType.U8, DType.I4, DType.U4, DType.I2, DType.U2, DType.I16, DType.U16)


@dataclass(frozen=True)
class ScalarProduct:
    """Each window is copied into scratch as i16, then multiplied with 8 channels at a time.

    The only pixel of a vector is read where it lies. The weights are stored unsigned, which
    Armv6-M loads at constant offsets; the sum of a window corrects for that.
    """

    name: str = "scalar_product"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if target.dsp:
            return Reject("the core has instructions for several products")
        where = find_anchor(region, Conv, MatMul, dtype=DType.I32)
        if isinstance(where, Reject):
            return where
        window = window_of(where.anchor)
        if isinstance(window, Reject):
            return window
        x, w = where.anchor.inputs[:2]
        if x.type.dtype not in (DType.I8, DType.U8) or w.type.dtype not in WEIGHTS:
            return Reject("expected x of 8 bits and weights of 2 to 16 bits")
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand is broadcast in a way that has no kernel")
        plan = ProductPlan(where, target, window, find_requantization(where))
        if not where.packable(w, constant_inputs):
            return Reject("the weights are no constant of their own")
        if plan.bias is not None and where.input_index(plan.bias) not in constant_inputs:
            return Reject("the bias is computed")
        return plan.kernel(self.name, text)


@dataclass(frozen=True)
class ProductPlan:
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
    def groups(self) -> int:
        op = self.where.anchor.op
        return op.groups if isinstance(op, Conv) else 1

    @property
    def group_channels(self) -> int:
        return self.window.channels // self.groups

    @property
    def group_outputs(self) -> int:
        return self.window.outputs // self.groups

    @property
    def bias(self) -> Value | None:
        """What the sums of each pixel start from."""
        if len(self.where.anchor.inputs) == 3:
            return self.where.anchor.inputs[2]
        return self.requantization.bias if self.requantization else None

    @property
    def runs(self) -> bool:
        """Whether the taps of a kernel row are neighbours in memory."""
        return self.window.dilation_x == 1 and self.groups == 1

    @property
    def direct(self) -> bool:
        """Whether x is one window, of bytes that a routine multiplies as they are."""
        whole = self.window.channels % DEPTH == 0 and self.weights.type.dtype.bits == 8
        return whole and self.window.flat and self.window.pixels == 1 and self.groups == 1

    @property
    def words(self) -> bool:
        """Whether the windows of two pixels share words, whose products hold those of both."""
        return self.together == 2 and self.weights.type.dtype.bits < 8

    @property
    def together(self) -> int:
        """Pixels that share the load of a weight: two where words or registers hold both."""
        shared = self.weights.type.dtype.bits < 8 or self.target.mtriple.startswith("riscv32")
        row = self.window.pixels if self.window.flat else self.window.columns
        return 2 if shared and row > 1 else 1

    @property
    def group(self) -> int:
        """The elements of two windows over which the sums of products of words are exact."""
        return 16 if self.x.type.dtype is DType.I8 else 8

    @property
    def dots(self) -> str:
        """The routine that multiplies the window of one pixel."""
        x = f"{self.x.type.dtype}_" if self.direct else ""
        return f"scalar_dots_{x}w{self.weights.type.dtype.bits}"

    @property
    def pairs(self) -> str:
        """The routine that multiplies the windows of two pixels."""
        return f"scalar_pairs_w{self.weights.type.dtype.bits}"

    @property
    def widen(self) -> str:
        """The routine that copies."""
        return f"scalar_widen_{self.x.type.dtype}"

    def kernel(self, name: str, text: str) -> KernelPlan:
        shape = "flat" if self.window.flat else "runs" if self.runs else "taps"
        shape = "direct" if self.direct else shape
        return KernelPlan(
            name,
            self.where.region,
            self._build,
            self._packs(),
            self._scratch_bytes(),
            self.where.inplace(*self.where.anchor.inputs),
            self._overlap(),
            self._routines(),
            (*self.window.sizes, self.groups, self.group_channels, self.group_outputs),
            f"{shape}, {self.together} pixels, groups {self.groups > 1}\n{text}",
        )

    def _build(self) -> PrimFunc:
        from graphopt.schedules.mcu.scalar.product_loops import build

        return build(self)

    def _packs(self) -> dict[int, Pack]:
        last = isinstance(self.where.anchor.op, MatMul) and not self.where.anchor.op.transpose_b
        weights = InterleavedWeights(self.weights.type.dtype, self.groups, last)
        packs: dict[int, Pack] = {self.where.input_index(self.weights): weights}
        if self.bias is not None:
            packs[self.where.input_index(self.bias)] = PaddedChannels(self.groups)
        return packs

    def _scratch_bytes(self) -> int:
        """The words of two windows, the windows, then their sums for one chunk of channels."""
        if self.direct:
            return 4 * min(CHUNK, -(-self.group_outputs // CHANNELS) * CHANNELS)
        depth = self.window.taps * self.group_channels
        blocks = min(CHUNK // CHANNELS, -(-self.group_outputs // CHANNELS))
        halves = self.together + self.words
        sums = blocks * CHANNELS + (self.together - 1) * CHUNK
        return 2 * halves * -(-depth // DEPTH) * DEPTH + 4 * sums

    def _overlap(self) -> dict[tuple[int, int], int]:
        if self.x in operands(self.where.region, self.where.anchor) or self.groups > 1:
            return {}
        itemsizes = [value.type.dtype.itemsize for value in self.where.region.outputs]
        i = self.where.input_index(self.x)
        if self.direct:
            # All of x is read again for each chunk of channels.
            last = (self.group_outputs - 1) // CHUNK * CHUNK
            return {
                (i, o): -last * size if last else self.x.type.elements
                for o, size in enumerate(itemsizes)
            }
        return {
            (i, o): self.window.overlap(1, size, self.together) for o, size in enumerate(itemsizes)
        }

    def _routines(self) -> tuple[str, ...]:
        shared = (self.pairs,) if self.together == 2 else ()
        combine = ("scalar_combine",) if self.words else ()
        finish = finishing(self.where, self.requantization, self.target)
        if self.direct:
            return (self.dots, *finish)
        return (self.widen, self.dots, *shared, *combine, *finish)
