"""Depthwise convolution NHWC of integers: pairs of taps multiplied and added in 16 bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan, Pack
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.integer_depthwise_plan import PairedRows
from graphopt.schedules.cpu.unit import pair_unit
from graphopt.schedules.region import find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer


@dataclass(frozen=True)
class IntegerDepthwiseConv2d:
    """Convolutions of integers by constant weights that keep the channels apart."""

    name: str = "integer_depthwise_conv2d"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv, dtype=DType.I32)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Conv)
        x, w, *bias = where.anchor.inputs
        if op.layout != "NHWC" or len(op.strides) != 2:
            return Reject("expected a 2-D convolution in NHWC")
        if not op.groups == x.type.dims[-1] == w.type.dims[0]:
            return Reject("expected one input and one output channel in each group")
        unit = pair_unit(target, x.type.dtype, w.type.dtype)
        if unit is None:
            return Reject(f"{x.type.dtype} times {w.type.dtype} does not fit pairs of products")
        if not all(where.packable(value, constant_inputs) for value in (w, *bias)):
            return Reject("the weights are not constant")
        plan = PairedRows(where, target, unit)

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.integer_depthwise_loops import DepthwiseEmitter
            from graphopt.schedules.emit import Flat, kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                assert scratch is not None
                DepthwiseEmitter(plan, buffers, scratch).emit()

            weights = plan.weights
            packed = {where.input_index(w): Flat(weights.elements, weights.stored)}
            for value in bias:
                packed[where.input_index(value)] = Flat(plan.wide, "int32")
            return kernel(region, body, packed, plan.scratch_bytes)

        packs: dict[int, Pack] = {where.input_index(w): plan.weights.pack}
        packs |= {where.input_index(value): plan.pack_bias for value in bias}
        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs=packs,
            scratch_bytes=plan.scratch_bytes,
            inplace=where.inplace(*where.anchor.inputs),
        )
