"""2-D convolution NHWC of integers of at most 16 bits, summed exactly in i32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.conv2d import constant_conv
from graphopt.schedules.cpu.integer_conv2d_plan import IntegerConvPlan
from graphopt.schedules.cpu.integer_product_plan import (
    integer_product_builder,
    plan_integer_product,
)
from graphopt.schedules.cpu.unit import integer_unit
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class IntegerConv2d:
    """Convolutions of constant weights."""

    name: str = "integer_conv2d"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = constant_conv(region, constant_inputs, DType.I32)
        if isinstance(where, Reject):
            return where
        x, w = where.anchor.inputs[:2]
        unit = integer_unit(target, x.type.dtype, w.type.dtype)
        if unit is None:
            return Reject(f"no instruction multiplies {x.type.dtype} with {w.type.dtype}")
        weights = where.input_index(w)
        plan = IntegerConvPlan(where, target, unit)
        if plan.pointwise:
            pixels, depth = x.type.elements // x.type.dims[-1], x.type.dims[-1]
            product = plan_integer_product(where, target, unit, pixels, depth)
            return KernelPlan(
                schedule=self.name,
                region=region,
                build=integer_product_builder(product),
                packs={weights: lambda array: product.pack(array.reshape(-1, depth).T)},
                scratch_bytes=product.scratch_bytes,
                inplace=where.inplace(*where.anchor.inputs),
            )

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.integer_conv2d_loops import build_integer_conv

            return build_integer_conv(plan)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={weights: plan.pack},
            scratch_bytes=plan.scratch_bytes,
            inplace=where.inplace(*where.anchor.inputs),
        )
