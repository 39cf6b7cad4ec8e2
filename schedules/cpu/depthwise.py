"""Depthwise convolution NHWC in f32: vectors of channels, tiles of neighbouring pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphopt.ir import Array, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.region import Anchored, find_anchor
from graphopt.schedules.cpu.tiling import vector_unit
from graphopt.schedules.cpu.window import MAX_EDGE_TILES, Axis, Strip, axes, strips
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.emit import Buffer

# Enough chains of additions to hide their latency, few enough to leave registers for operands.
PIXELS = 6


@dataclass(frozen=True)
class DepthwisePlan:
    """The geometry of one depthwise convolution."""

    where: Anchored
    vertical: Axis
    horizontal: Axis
    strips: tuple[Strip, ...]
    lanes: int
    threads: int

    @property
    def channels(self) -> int:
        return self.where.result.type.dims[-1]

    def build(self) -> PrimFunc:
        from graphopt.schedules.cpu.depthwise_loops import DepthwiseEmitter
        from graphopt.schedules.cpu.emit import kernel

        def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
            DepthwiseEmitter(self, buffers).emit()

        return kernel(self.where.region, body)


@dataclass(frozen=True)
class DepthwiseConv2d:
    """Convolutions of constant weights that keep the channels apart."""

    name: str = "depthwise_conv2d"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Conv)
        x, w = where.anchor.inputs[:2]
        if op.layout != "NHWC" or len(op.strides) != 2:
            return Reject("expected a 2-D convolution in NHWC")
        if not op.groups == x.type.dims[-1] == w.type.dims[0]:
            return Reject("expected one input and one output channel in each group")
        if not where.packable(w, constant_inputs):
            return Reject("the weights are not constant")
        out = where.result.type
        vertical, horizontal = axes(x.type, out, w.type.dims[2:], op.strides, op.pads, op.dilations)
        cut = strips(horizontal, PIXELS)
        if sum(strip.edge for strip in cut) > MAX_EDGE_TILES:
            return Reject("the padding is too wide")
        plan = DepthwisePlan(
            where, vertical, horizontal, cut, vector_unit(target).lanes, target.threads
        )
        return KernelPlan(
            schedule=self.name,
            region=region,
            build=plan.build,
            packs={where.input_index(w): _taps_first},
            inplace=where.inplace(*where.anchor.inputs),
        )


def _taps_first(weights: Array) -> Array:
    """[C, 1, kh, kw] becomes [kh, kw, C]."""
    return np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0))
