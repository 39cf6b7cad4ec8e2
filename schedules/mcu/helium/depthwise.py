"""Depthwise convolutions of i8 on Helium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphopt import ops
from graphopt.ir import DType, Graph
from graphopt.lower.kernel import KernelPlan, Pack
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.depthwise_plan import DepthwisePlan
from graphopt.schedules.mcu.helium.padding import padded_numbers
from graphopt.schedules.mcu.helium.requantize import find_requantize
from graphopt.schedules.mcu.identity import epilogue_text
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

MAX_KERNEL = 8


@dataclass(frozen=True)
class HeliumDepthwise:
    """Windows of up to 8 x 8, of which an instruction multiplies and sums 16 taps."""

    name: str = "helium_depthwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.mve or target.form != "library":
            return Reject("needs machine code for Helium")
        where = _find(region, constant_inputs)
        if isinstance(where, Reject):
            return where
        requantize = find_requantize(where)
        if requantize is None:
            return Reject("expected nothing but a rescaling to i8")
        plan = DepthwisePlan(where, requantize)
        packs: dict[int, Pack] = {where.input_index(plan.w): plan.pack}
        padded = padded_numbers(region, requantize.per_channel, constant_inputs)
        if isinstance(padded, Reject):
            return padded
        text = epilogue_text(where)
        assert text is not None
        return _kernel(self.name, plan, packs | padded, text)


def _find(region: Graph, constant_inputs: frozenset[int]) -> Anchored | Reject:
    where = find_anchor(region, ops.Conv, dtype=DType.I32)
    if isinstance(where, Reject):
        return where
    x, w = where.anchor.inputs[:2]
    op = where.anchor.op
    assert isinstance(op, ops.Conv)
    if x.type.dtype is not DType.I8 or w.type.dtype not in (DType.I8, DType.I4, DType.I2):
        return Reject(f"expected i8 and weights of 8, 4 or 2 bits, found {x.type} and {w.type}")
    if op.layout != "NHWC" or len(op.strides) != 2 or {*op.dilations} != {1}:
        return Reject("expected an image of two dimensions in NHWC and no dilation")
    if not op.groups == x.type.dims[-1] == w.type.dims[0]:
        return Reject("expected one filter for each channel")
    if max(w.type.dims[2:]) > MAX_KERNEL:
        return Reject(f"expected a kernel of at most {MAX_KERNEL} x {MAX_KERNEL}")
    if not where.packable(w, constant_inputs):
        return Reject("the weights are not constant")
    return where


def _kernel(name: str, plan: DepthwisePlan, packs: Mapping[int, Pack], text: str) -> KernelPlan:
    where, region = plan.where, plan.where.region
    x = where.input_index(plan.x)

    def build() -> PrimFunc:
        from graphopt.schedules.emit import sized_kernel
        from graphopt.schedules.mcu.helium.depthwise_loops import SIZES, DepthwiseEmitter

        def body(buffers: Mapping[Any, Any], scratch: Any, *sizes: Any) -> None:
            DepthwiseEmitter(plan, buffers, scratch, *sizes).emit()

        packed = {i: "int8" if region.inputs[i] is plan.w else "int32" for i in packs}
        return sized_kernel(region, SIZES, body, packed, plan.scratch_bytes)

    routines = ["helium_columns", f"helium_depthwise_{plan.taps}"]
    if plan.bits < 8:
        routines.append("helium_unpack")
    return KernelPlan(
        schedule=name,
        region=region,
        build=build,
        packs=packs,
        scratch_bytes=plan.scratch_bytes,
        inplace=((x, 0),) if plan.inplace else (),
        overlap={(x, 0): plan.overlap},
        routines=tuple(routines),
        sizes=plan.sizes,
        identity=f"{plan.taps} taps, {plan.bits} bits\n{text}",
    )
