"""Products of integers of at most 16 bits with a constant matrix, summed exactly in i32."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import Array, DType, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.matmul import MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.integer_product_plan import (
    integer_product_builder,
    plan_integer_product,
)
from graphopt.schedules.cpu.matmul import constant_matrix
from graphopt.schedules.cpu.unit import integer_unit
from graphopt.targets import CpuTarget


@dataclass(frozen=True)
class IntegerMatMul:
    """a @ b for a constant matrix b, packed while compiling."""

    name: str = "integer_matmul"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = constant_matrix(region, constant_inputs, DType.I32)
        if isinstance(where, Reject):
            return where
        a, b = where.anchor.inputs
        unit = integer_unit(target, a.type.dtype, b.type.dtype)
        if unit is None:
            return Reject(f"no instruction multiplies {a.type.dtype} with {b.type.dtype}")
        op = where.anchor.op
        assert isinstance(op, MatMul)
        depth = a.type.dims[-1]
        plan = plan_integer_product(where, target, unit, a.type.elements // depth, depth)

        def pack(matrix: Array) -> Array:
            flat = matrix.reshape(matrix.shape[-2:])
            return plan.pack(flat.T if op.transpose_b else flat)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=integer_product_builder(plan),
            packs={where.input_index(b): pack},
            scratch_bytes=plan.scratch_bytes,
            inplace=where.inplace(a, b),
        )
