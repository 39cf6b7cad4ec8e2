"""The loops of a batched product: pack a matrix, multiply with it, next."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.ops.matmul import MatMul
from graphopt.schedules.cpu.dot import FloatDot, PairDot
from graphopt.schedules.cpu.matmul_loops import emit_tiles
from graphopt.schedules.cpu.packing_loops import Packer
from graphopt.schedules.cpu.product import Operands, TileEmitter
from graphopt.schedules.cpu.product_plan import BatchPlan
from graphopt.schedules.cpu.staging_loops import Stager
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    T,
    outer_loop,
    row_offset,
    view,
)


class BatchEmitter:
    """Emits the loops of one plan."""

    def __init__(self, plan: BatchPlan, buffers: Mapping[Value, Buffer], scratch: Buffer) -> None:
        where = plan.product.where
        op = where.anchor.op
        assert isinstance(op, MatMul)
        self.plan = plan
        self.panels = plan.product.panels
        self.a, self.b = where.anchor.inputs
        self.buffers = buffers
        unit = self.panels.unit
        dot = FloatDot(unit) if unit.terms == 1 else PairDot(unit)
        packed = view(scratch, "float32" if unit.terms == 1 else "int16")
        b = buffers[self.b]
        self.packer = Packer(self.panels, b, self.b.type.dtype, op.transpose_b, packed)
        self.stager = Stager(plan.staging, buffers[self.a], scratch) if plan.staging else None
        elements = Elements(where.region, buffers, where.result.type.dims)
        operands = Operands(packed if self.stager else buffers[self.a], packed)
        self.tiles = TileEmitter(elements, where, dot, operands)

    def emit(self) -> None:
        """Emit all loops."""
        product = self.plan.product
        rows = product.tiles[-1].start + product.tiles[-1].count * product.tiles[-1].size
        with outer_loop(math.prod(self.plan.batch), product.threads) as matrix:
            slot = matrix * self.plan.slot_elements if self.plan.slots > 1 else T.int32(0)
            self.packer.pack(self._start(self.b, matrix), slot)
            a = self._start(self.a, matrix)
            if self.stager is not None:
                copy = slot + self.panels.elements
                self.stager.copy(a, copy, rows * self.panels.depth)
                a = copy
            emit_tiles(
                product,
                self.tiles,
                lambda row: a + row * self.panels.depth,
                lambda panel, vector: slot + vector * self.panels.vector_elements,
                matrix * rows,
            )

    def _start(self, value: Value, matrix: Expr) -> Expr:
        """Where the matrix of `value` starts that belongs to matrix `matrix` of the result."""
        *batch, rows, columns = value.type.dims
        if not self.plan.batch:
            return T.int32(0)
        aligned = (1,) * (len(self.plan.batch) - len(batch)) + tuple(batch)
        return row_offset(aligned, self.plan.batch, matrix, rows * columns)
