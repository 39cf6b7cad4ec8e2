"""2-D convolution NHWC in f32: tiles of pixels x output channels in registers, no padded copy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphopt.ir import Array, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.matmul import plan_product
from graphopt.schedules.cpu.region import Anchored, find_anchor
from graphopt.schedules.cpu.tiling import Grid, Panels, choose_grid, choose_tile, vector_unit
from graphopt.schedules.cpu.window import MAX_EDGE_TILES, Axis, Strip, axes, strips
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class ConvPlan:
    """The geometry of one convolution and how it is cut."""

    where: Anchored
    target: Target

    @cached_property
    def op(self) -> Conv:
        op = self.where.anchor.op
        assert isinstance(op, Conv)
        return op

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        x, w = (v.type for v in self.where.anchor.inputs[:2])
        op = self.op
        return axes(x, self.where.result.type, w.dims[2:], op.strides, op.pads, op.dilations)

    @property
    def channels(self) -> int:
        """Input channels per group."""
        return self.where.anchor.inputs[1].type.dims[1]

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel reads the input pixel of the same number, and no other."""
        return self.op.groups == 1 and all(
            axis.kernel == 1 and axis.stride == 1 and axis.size == axis.out for axis in self.axes
        )

    @cached_property
    def panels(self) -> Panels:
        vertical, horizontal = self.axes
        outs = self.where.result.type.dims[-1] // self.op.groups
        depth = vertical.kernel * horizontal.kernel * self.channels
        unit = vector_unit(self.target)
        vectors = -(-outs // unit.lanes)
        tile = choose_tile(unit, self.rows, vectors, depth)
        return Panels(outs, depth, unit.lanes, tile.vectors)

    @property
    def rows(self) -> int:
        """How many pixels a register tile may be cut from."""
        _, _, w, _ = self.where.result.type.dims
        return w

    @cached_property
    def strips(self) -> tuple[Strip, ...]:
        unit = vector_unit(self.target)
        tile = choose_tile(unit, self.rows, self.panels.vectors, self.panels.depth)
        return strips(self.axes[1], tile.rows)

    @cached_property
    def grid(self) -> Grid:
        x = self.where.anchor.inputs[0].type
        n, rows, _, _ = self.where.result.type.dims
        return choose_grid(
            self.target, rows, x.nbytes // (n * rows), self.panels.count, self.panels.bytes
        )

    def pack(self, weights: Array) -> Array:
        """[O, I/groups, kh, kw] to panels whose depth runs over kh, kw, channels."""
        groups = np.split(weights, self.op.groups)
        depth = self.panels.depth
        return np.concatenate(
            [self.panels.pack(g.transpose(2, 3, 1, 0).reshape(depth, -1)) for g in groups]
        )


@dataclass(frozen=True)
class Conv2d:
    """Convolutions of constant weights, but for depthwise ones."""

    name: str = "conv2d"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Conv)
        if op.layout != "NHWC" or len(op.strides) != 2:
            return Reject("expected a 2-D convolution in NHWC")
        x, w = where.anchor.inputs[:2]
        if not where.packable(w, constant_inputs):
            return Reject("the weights are not constant")
        if op.groups > 1 and w.type.dims[1] == 1:
            return Reject("depthwise")
        weights = where.input_index(w)
        plan = ConvPlan(where, target)
        if plan.pointwise:
            pixels, depth = x.type.elements // x.type.dims[-1], x.type.dims[-1]
            product = plan_product(where, target, pixels, depth)
            return KernelPlan(
                schedule=self.name,
                region=region,
                build=product.build,
                packs={weights: lambda array: product.panels.pack(array.reshape(-1, depth).T)},
                inplace=where.inplace(*where.anchor.inputs),
            )
        if sum(strip.edge for strip in plan.strips) > MAX_EDGE_TILES:
            return Reject("the padding is too wide")

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.conv2d_loops import build_conv

            return build_conv(plan)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={weights: plan.pack},
            inplace=where.inplace(*where.anchor.inputs),
        )
