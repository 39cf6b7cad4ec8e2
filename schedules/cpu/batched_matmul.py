"""Products of two computed matrices, as in attention: the second is packed as they run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.matmul import MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.product_plan import BatchPlan, plan_product
from graphopt.schedules.cpu.staging import Staging
from graphopt.schedules.cpu.tiling import Blocks
from graphopt.schedules.cpu.unit import float_unit, pair_unit
from graphopt.schedules.region import find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer

# With fewer rows, packing costs more than the product gains from it.
MIN_ROWS = 4


@dataclass(frozen=True)
class BatchedMatMul:
    """a @ b, matrix by matrix."""

    name: str = "batched_matmul"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        sums = [node.output.type.dtype for node in region.nodes if isinstance(node.op, MatMul)]
        dtype = DType.I32 if DType.I32 in sums else DType.F32
        where = find_anchor(region, MatMul, dtype=dtype)
        if isinstance(where, Reject):
            return where
        a, b = where.anchor.inputs
        unit = float_unit(target)
        if dtype is DType.I32:
            pairs = pair_unit(target, a.type.dtype, b.type.dtype)
            if pairs is None:
                return Reject(f"no instruction multiplies {a.type.dtype} with {b.type.dtype}")
            unit = pairs
        *batch, rows, _ = where.result.type.dims
        depth = a.type.dims[-1]
        if math.prod(b.type.dims[:-2]) == 1:
            # One matrix b: all matrices a are one.
            batch, rows = [], rows * math.prod(batch)
        if rows < MIN_ROWS:
            return Reject(f"fewer than {MIN_ROWS} rows")
        product = plan_product(where, target, unit, rows, depth)
        matrices = math.prod(batch)
        slots = matrices if target.threads > 1 else 1
        staging = None
        if unit.terms > 1 and (a.type.dtype is not DType.I16 or depth % unit.terms):
            staging = Staging(unit, a.type, rows * depth, target.vector_bytes, Blocks(1, 1))
        plan = BatchPlan(product, tuple(batch), slots, staging)

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.batched_matmul_loops import BatchEmitter
            from graphopt.schedules.emit import kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                BatchEmitter(plan, buffers, scratch).emit()

            return kernel(region, body, scratch_bytes=plan.scratch_bytes)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            scratch_bytes=plan.scratch_bytes,
            inplace=where.inplace(a, b),
        )
