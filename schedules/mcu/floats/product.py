"""Products of f32 with constant weights: dense convolutions and matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan, Pack
from graphopt.ops import Conv, MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.floats.geometry import NAMES, geometry_of
from graphopt.schedules.mcu.identity import epilogue_text
from graphopt.schedules.mcu.library import refusal
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr

# Pixels and channels at a time: 8 sums, and what they are made of, fit the 32 registers of a
# single precision unit.
BLOCK, ROW = (2, 4), (1, 8)


@dataclass(frozen=True)
class FloatProduct:
    """Blocks of 2 pixels and 4 output channels, or 8 channels of one pixel.

    Windows are first copied to scratch. Weights are laid out as [outputs / 4, depth, 4], zeros
    where there is no output.
    """

    name: str = "float-product"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv, MatMul)
        if isinstance(where, Reject):
            return where
        refused = refusal(region)
        if refused is not None:
            return refused
        weights = where.anchor.inputs[1]
        if not where.packable(weights, constant_inputs):
            return Reject("the weights are no constant of the anchor's alone")
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand broadcasts along other dimensions than the last")
        if isinstance(where.anchor.op, MatMul):
            return self._matmul(where, text, target)
        return self._conv(where, text, target)

    def _matmul(self, where: Anchored, text: str, target: McuTarget) -> KernelPlan | Reject:
        op, (x, weights) = where.anchor.op, where.anchor.inputs
        assert isinstance(op, MatMul)
        if weights.type.rank != 2 or x.type.rank < 2:
            return Reject("expected one matrix of weights")
        *rows, depth = x.type.dims
        matrix = _Weights(lambda w: w if op.transpose_b else w.T)
        sizes = (math.prod(rows), depth, where.result.type.dims[-1])
        return self._rows(where, target, text, matrix, sizes)

    def _conv(self, where: Anchored, text: str, target: McuTarget) -> KernelPlan | Reject:
        op = where.anchor.op
        assert isinstance(op, Conv)
        if op.groups != 1:
            return Reject("expected one group")
        geometry = geometry_of(where)
        if isinstance(geometry, Reject):
            return geometry
        matrix = _Weights(lambda w: w.transpose(0, 2, 3, 1).reshape(w.shape[0], -1))
        depth = geometry.kernel_rows * geometry.kernel_columns * geometry.channels
        if depth == geometry.channels and max(op.strides) == 1 and not any(op.pads):
            pixels = geometry.batch * geometry.in_rows * geometry.in_columns
            return self._rows(where, target, text, matrix, (pixels, depth, geometry.outputs))
        region, index = where.region, where.input_index(where.anchor.inputs[1])
        scratch_bytes = BLOCK[0] * depth * np.dtype(np.float32).itemsize

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.floats.product_loops import emit_windows

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer, *numbers: Expr) -> None:
                emit_windows(where, buffers, target, BLOCK, scratch, *numbers)

            return sized_kernel(region, NAMES, body, {index: "float32"}, scratch_bytes)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={index: matrix.packed_for(BLOCK)},
            scratch_bytes=scratch_bytes,
            inplace=where.inplace(*where.anchor.inputs),
            sizes=geometry.sizes,
            identity=f"{text}\nwindows",
        )

    def _rows(
        self,
        where: Anchored,
        target: McuTarget,
        text: str,
        matrix: _Weights,
        sizes: tuple[int, int, int],
    ) -> KernelPlan:
        region, index = where.region, where.input_index(where.anchor.inputs[1])
        shape = ROW if sizes[0] == 1 else BLOCK

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.floats.product_loops import emit_rows

            def body(buffers: Mapping[Value, Buffer], scratch: None, *numbers: Expr) -> None:
                emit_rows(where, buffers, target, shape, *numbers)

            return sized_kernel(region, ("pixels", "depth", "outputs"), body, {index: "float32"})

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={index: matrix.packed_for(shape)},
            inplace=where.inplace(*where.anchor.inputs),
            sizes=sizes,
            identity=f"{text}\nrows by {shape}",
        )


@dataclass(frozen=True)
class _Weights:
    """How the array of weights becomes a matrix [outputs, depth]."""

    matrix: Callable[[NDArray[Any]], NDArray[Any]]

    def packed_for(self, shape: tuple[int, int]) -> Pack:
        """[outputs / channels, depth, channels] for blocks of `shape`."""
        channels = shape[1]

        def pack(array: NDArray[Any]) -> NDArray[np.generic]:
            w = self.matrix(array)
            outputs, depth = w.shape
            padded = np.zeros((-(-outputs // channels) * channels, depth), np.float32)
            padded[:outputs] = w
            blocks = padded.reshape(-1, channels, depth).transpose(0, 2, 1)
            return np.ascontiguousarray(blocks)

        return pack
