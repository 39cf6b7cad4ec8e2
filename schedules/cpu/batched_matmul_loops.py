"""The loops of a batched product: pack a matrix, multiply with it, next."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.ops.matmul import MatMul
from graphopt.schedules.cpu.dot import FloatDot
from graphopt.schedules.cpu.emit import (
    Buffer,
    Elements,
    Expr,
    T,
    channel_vectors,
    const,
    count,
    load,
    loop,
    outer_loop,
    row_offset,
    store,
    view,
)
from graphopt.schedules.cpu.matmul_loops import emit_tiles
from graphopt.schedules.cpu.product import Operands, TileEmitter
from graphopt.schedules.cpu.product_plan import BatchPlan
from graphopt.schedules.cpu.tiling import Panel


class BatchEmitter:
    """Emits the loops of one plan."""

    def __init__(self, plan: BatchPlan, buffers: Mapping[Value, Buffer], scratch: Buffer) -> None:
        where = plan.product.where
        op = where.anchor.op
        assert isinstance(op, MatMul)
        self.plan = plan
        self.panels = plan.product.panels
        self.transposed = op.transpose_b
        self.a, self.b = where.anchor.inputs
        self.buffers = buffers
        self.scratch = view(scratch, "float32")
        elements = Elements(where.region, buffers, where.result.type.dims)
        operands = Operands(buffers[self.a], self.scratch)
        self.tiles = TileEmitter(elements, where, FloatDot(self.panels.unit), operands)

    def emit(self) -> None:
        """Emit all loops."""
        product = self.plan.product
        rows = product.tiles[-1].start + product.tiles[-1].count * product.tiles[-1].size
        with outer_loop(math.prod(self.plan.batch), product.threads) as matrix:
            slot = matrix * self.panels.elements if self.plan.slots > 1 else T.int32(0)
            self._pack(self._start(self.b, matrix), slot)
            a = self._start(self.a, matrix)
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

    def _pack(self, start: Expr, slot: Expr) -> None:
        for panel in self.panels.shapes():
            with count(T.int32(panel.group.first), T.int32(panel.group.end)) as p:
                vector = panel.group.start + (p - panel.group.first) * panel.group.size
                column = vector * self.panels.lanes
                self._pack_panel(panel, start, slot + column * self.panels.depth, column)

    def _pack_panel(self, panel: Panel, start: Expr, to: Expr, column: Expr) -> None:
        panels, b = self.panels, self.buffers[self.b]
        wide = panel.group.size * panels.lanes
        channels = wide - panels.lanes + panel.tail
        if panel.tail < panels.lanes:
            with loop(panels.depth) as k:
                last = to + k * wide + wide - panels.lanes
                store(self.scratch, last, const(0.0, panels.lanes), panels.lanes)
        if self.transposed:
            with loop(channels) as c, loop(panels.depth) as k:
                value = b[start + (column + c) * panels.depth + k]
                store(self.scratch, to + k * wide + c, value, 1)
            return
        with loop(panels.depth) as k:

            def copy(c: Expr, lanes: int) -> None:
                value = load(b, start + k * panels.channels + column + c, lanes)
                store(self.scratch, to + k * wide + c, value, lanes)

            channel_vectors(channels, panels.lanes, copy)
