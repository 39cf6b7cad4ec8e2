"""2-D convolution NHWC in f32: tiles of pixels x output channels in registers, no padded copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.conv2d_plan import ConvPlan
from graphopt.schedules.cpu.matmul import product_builder
from graphopt.schedules.cpu.product_plan import plan_product
from graphopt.schedules.cpu.unit import float_unit
from graphopt.schedules.cpu.window import MAX_EDGE_TILES
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


# Each group computes whole vectors of output channels; most lanes of smaller groups would idle.
MIN_GROUP_OUTPUTS = 2


@dataclass(frozen=True)
class Conv2d:
    """Convolutions of constant weights, but for groups of a single output channel."""

    name: str = "conv2d"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = constant_conv(region, constant_inputs, DType.F32)
        if isinstance(where, Reject):
            return where
        x, w = where.anchor.inputs[:2]
        weights = where.input_index(w)
        plan = ConvPlan(where, target)
        if plan.pointwise:
            pixels, depth = x.type.elements // x.type.dims[-1], x.type.dims[-1]
            product = plan_product(where, target, float_unit(target), pixels, depth)
            return KernelPlan(
                schedule=self.name,
                region=region,
                build=product_builder(product),
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


def constant_conv(
    region: Graph, constant_inputs: frozenset[int], dtype: DType
) -> Anchored | Reject:
    """The only convolution of a region, of sums in `dtype`, if kernels of whole vectors suit it."""
    where = find_anchor(region, Conv, dtype=dtype)
    if isinstance(where, Reject):
        return where
    op = where.anchor.op
    assert isinstance(op, Conv)
    if op.layout != "NHWC" or len(op.strides) != 2:
        return Reject("expected a 2-D convolution in NHWC")
    w = where.anchor.inputs[1]
    if not where.packable(w, constant_inputs):
        return Reject("the weights are not constant")
    if op.groups > 1 and w.type.dims[0] // op.groups < MIN_GROUP_OUTPUTS:
        return Reject(f"fewer than {MIN_GROUP_OUTPUTS} output channels in a group")
    return where
