"""3x3 convolutions NHWC of 8-bit integers by Winograd's algorithm, exact in i32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.conv2d import constant_conv
from graphopt.schedules.cpu.unit import integer_unit
from graphopt.schedules.cpu.winograd_plan import MAX_CHANNELS, WinogradPlan
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

MAX_BITS = 8


@dataclass(frozen=True)
class Winograd:
    """Convolutions of constant weights, stride 1."""

    name: str = "winograd"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = constant_conv(region, constant_inputs, DType.I32)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Conv)
        x, w = where.anchor.inputs[:2]
        if w.type.dims[2:] != (3, 3) or {*op.strides, *op.dilations, op.groups} != {1}:
            return Reject("expected a 3x3 kernel, stride 1, dilation 1, one group")
        unit = integer_unit(target, x.type.dtype, w.type.dtype)
        if unit is None or max(x.type.dtype.bits, w.type.dtype.bits) > MAX_BITS:
            return Reject("transformed numbers would not fit the operands of an instruction")
        if unit.terms > 2:
            return Reject("steps of more than two products are faster")
        if x.type.dims[-1] > MAX_CHANNELS:
            return Reject(f"more than {MAX_CHANNELS} channels could overflow the sums")
        plan = WinogradPlan(where, target, unit)
        if not plan.pays:
            return Reject("the transformations cost more than they save")

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.winograd_loops import build_winograd

            return build_winograd(plan)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={where.input_index(w): plan.pack},
            scratch_bytes=plan.staging.bytes,
            inplace=where.inplace(*where.anchor.inputs),
        )
