"""Products of i8 with constant weights on Helium: matmuls and convolutions that are not grouped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphopt import ops
from graphopt.ir import Array, DType, Graph, Value
from graphopt.lower.kernel import KernelPlan, Pack
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.padding import padded_numbers
from graphopt.schedules.mcu.helium.product_plan import ProductPlan, plan_product
from graphopt.schedules.mcu.helium.weights import GROUP, pack_bits, pack_conv, pack_rows
from graphopt.schedules.mcu.identity import epilogue_text
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

# A routine counts them in 16 bits.
MAX_CHANNELS = 2**16 - 4


@dataclass(frozen=True)
class HeliumProduct:
    """x @ w in i8 by a routine of 16 products an instruction (vmladava.s8)."""

    name: str = "helium_product"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.mve or target.form != "library":
            return Reject("needs machine code for Helium")
        where = _find(region, constant_inputs)
        if isinstance(where, Reject):
            return where
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand is broadcast in a way that rows of channels do not follow")
        plan = plan_product(where)
        if plan.channels > MAX_CHANNELS:
            return Reject(f"expected at most {MAX_CHANNELS} channels, found {plan.channels}")
        padded = padded_numbers(region, plan.per_channel, constant_inputs)
        if isinstance(padded, Reject):
            return padded
        packs: dict[int, Pack] = {where.input_index(plan.w): _pack(plan), **padded}
        return _kernel(self.name, plan, target, packs, text)


def _find(region: Graph, constant_inputs: frozenset[int]) -> Anchored | Reject:
    where = find_anchor(region, ops.Conv, ops.MatMul, dtype=DType.I32)
    if isinstance(where, Reject):
        return where
    anchor = where.anchor
    x, w = anchor.inputs[:2]
    if x.type.dtype is not DType.I8 or w.type.dtype not in (DType.I8, DType.I4, DType.I2):
        return Reject(f"expected i8 and weights of 8, 4 or 2 bits, found {x.type} and {w.type}")
    if not where.packable(w, constant_inputs):
        return Reject("the weights are not constant")
    op = anchor.op
    if isinstance(op, ops.MatMul):
        fits = w.type.elements == w.type.dims[-1] * w.type.dims[-2]
        return where if fits else Reject("a batch of matrices")
    assert isinstance(op, ops.Conv)
    if op.layout != "NHWC" or op.groups != 1 or len(op.strides) > 2:
        return Reject("expected an image of one or two dimensions in NHWC, one group of channels")
    return where


def _pack(plan: ProductPlan) -> Pack:
    op, bits = plan.where.anchor.op, plan.bits

    def pack(w: Array) -> Array:
        if isinstance(op, ops.Conv):
            return pack_bits(pack_conv(w if w.ndim == 4 else w[:, :, None, :]), bits)
        assert isinstance(op, ops.MatMul)
        flat = w.reshape(w.shape[-2:])
        return pack_bits(pack_rows(flat if op.transpose_b else flat.T), bits)

    return pack


def _kernel(
    name: str, plan: ProductPlan, target: McuTarget, packs: Mapping[int, Pack], text: str
) -> KernelPlan:
    where, region = plan.where, plan.where.region

    def build() -> PrimFunc:
        from graphopt.schedules.emit import sized_kernel
        from graphopt.schedules.mcu.helium import product_loops

        def body(buffers: Mapping[Value, Any], scratch: Any, *sizes: Any) -> None:
            product_loops.emit(plan, target, buffers, scratch, *sizes)

        direct = plan.window is None
        more = product_loops.DIRECT_SIZES if direct else product_loops.WINDOW_SIZES
        packed = {i: "int8" if region.inputs[i] is plan.w else "int32" for i in packs}
        sizes = (*product_loops.SIZES, *more)
        return sized_kernel(region, sizes, body, packed, plan.scratch_bytes)

    how = f"{plan.routine} of {'rows' if plan.window is None else 'windows'}, {plan.bits} bits"
    bias = "no bias" if plan.bias is None else "bias"
    whole = plan.requantize is not None or plan.channels % GROUP == 0
    itemsize = max(value.type.dtype.itemsize for value in region.outputs)
    index = where.input_index(plan.x)
    routines = [plan.routine]
    if plan.window is not None:
        routines.append("helium_gather")
    if plan.bits < 8:
        routines.append("helium_unpack")
    return KernelPlan(
        schedule=name,
        region=region,
        build=build,
        packs=packs,
        scratch_bytes=plan.scratch_bytes,
        inplace=where.inplace(*where.anchor.inputs),
        overlap={(index, o): plan.overlap(itemsize) for o in range(len(region.outputs))},
        routines=tuple(routines),
        sizes=plan.sizes,
        identity=f"{how}, {bias}, {whole}\n{text}",
    )
