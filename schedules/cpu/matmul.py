"""Products with a constant matrix in f32: matmul, and convolutions that are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Array, DType, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.matmul import MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.product_plan import ProductPlan, plan_product
from graphopt.schedules.cpu.unit import float_unit
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class ConstantMatMul:
    """a @ b for a constant matrix b, packed while compiling."""

    name: str = "matmul"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = constant_matrix(region, constant_inputs, DType.F32)
        if isinstance(where, Reject):
            return where
        a, b = where.anchor.inputs
        op = where.anchor.op
        assert isinstance(op, MatMul)
        depth = a.type.dims[-1]
        rows = a.type.elements // depth
        product = plan_product(where, target, float_unit(target), rows, depth)

        def pack(matrix: Array) -> Array:
            flat = matrix.reshape(matrix.shape[-2:])
            return product.panels.pack(flat.T if op.transpose_b else flat)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=product_builder(product),
            packs={where.input_index(b): pack},
            inplace=where.inplace(a, b),
        )


def constant_matrix(
    region: Graph, constant_inputs: frozenset[int], dtype: DType
) -> Anchored | Reject:
    """The only product of a region, of sums in `dtype`, if its second operand is one constant."""
    where = find_anchor(region, MatMul, dtype=dtype)
    if isinstance(where, Reject):
        return where
    _, b = where.anchor.inputs
    if b.type.elements != b.type.dims[-1] * b.type.dims[-2]:
        return Reject("b is more than one matrix")
    if not where.packable(b, constant_inputs):
        return Reject("b is not a constant of this product alone")
    return where


def product_builder(product: ProductPlan) -> Callable[[], PrimFunc]:
    """What builds the function of a planned product."""

    def build() -> PrimFunc:
        from graphopt.schedules.cpu.matmul_loops import build_product

        return build_product(product)

    return build
