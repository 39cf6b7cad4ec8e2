"""Depthwise convolutions of f32 with constant weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.floats.geometry import NAMES, geometry_of
from graphopt.schedules.mcu.identity import epilogue_text
from graphopt.schedules.mcu.library import refusal
from graphopt.schedules.region import find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr

# Sums at a time; the taps of that many channels lie side by side.
CHANNELS = 4


@dataclass(frozen=True)
class FloatDepthwise:
    """4 channels of a pixel at a time, over the taps that are inside of the map.

    Weights are laid out as [channels / 4, taps, 4], zeros where there is no channel.
    """

    name: str = "float-depthwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv)
        if isinstance(where, Reject):
            return where
        op, weights = where.anchor.op, where.anchor.inputs[1]
        assert isinstance(op, Conv)
        refused = refusal(region)
        if refused is not None:
            return refused
        if not where.packable(weights, constant_inputs):
            return Reject("the weights are no constant of the anchor's alone")
        if op.groups == 1 or weights.type.dims[:2] != (op.groups, 1):
            return Reject("expected one channel in each group, in and out")
        geometry = geometry_of(where)
        if isinstance(geometry, Reject):
            return geometry
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand broadcasts along other dimensions than the last")
        index = where.input_index(weights)

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.floats.depthwise_loops import emit_depthwise

            def body(buffers: Mapping[Value, Buffer], scratch: None, *sizes: Expr) -> None:
                emit_depthwise(where, buffers, target, *sizes)

            return sized_kernel(region, NAMES, body, {index: "float32"})

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={index: _blocks},
            inplace=where.inplace(*where.anchor.inputs),
            sizes=geometry.sizes,
            identity=text,
        )


def _blocks(w: NDArray[Any]) -> NDArray[np.generic]:
    """[channels, 1, rows, columns] as [channels / 4, rows * columns, 4]."""
    channels = w.shape[0]
    padded = np.zeros((-(-channels // CHANNELS) * CHANNELS, w[0].size), np.float32)
    padded[:channels] = w.reshape(channels, -1)
    return np.ascontiguousarray(padded.reshape(-1, CHANNELS, w[0].size).transpose(0, 2, 1))
