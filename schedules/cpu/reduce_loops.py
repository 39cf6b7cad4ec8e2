"""The loops of a reduction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphopt.ir import DType, Value
from graphopt.lower.dtypes import tvm_dtype
from graphopt.ops.quantization import integer_range
from graphopt.schedules.cpu.fold import CHAINS, Join, add, fold_row
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    FlatElements,
    Registers,
    T,
    channel_vectors,
    const,
    loop,
    outer_loop,
)

if TYPE_CHECKING:
    from graphopt.schedules.cpu.reduce_plan import ReducePlan

_FOLDS: dict[str, Join] = {
    "sum": add,
    "mean": add,
    "max": T.max,
    "min": T.min,
    "prod": lambda a, b: a * b,
}


def _neutral(kind: str, dtype: DType) -> float:
    infinity = float("inf")
    low, high = integer_range(dtype) if dtype.is_integer else (-infinity, infinity)
    return {"max": low, "min": high, "prod": 1}.get(kind, 0)


class ReduceEmitter:
    """Emits the loops of one plan."""

    def __init__(self, plan: ReducePlan, buffers: Mapping[Value, Buffer]) -> None:
        self.plan = plan
        self.x = plan.where.anchor.inputs[0]
        self.inputs = FlatElements(plan.where.region, buffers, self.x.type.elements)
        shape = plan.where.result.type.dims or (1,)
        self.elements = Elements(plan.where.region, buffers, shape)
        dtype = plan.where.result.type.dtype
        self.start, self.join = _neutral(plan.op.kind, dtype), _FOLDS[plan.op.kind]
        self.dtype = tvm_dtype(dtype)
        self.lanes = plan.lanes

    def _input(self, position: Expr, lanes: int) -> Expr:
        return self.inputs.value(self.x, {}, T.int32(0), position, lanes)

    def emit(self) -> None:
        """Emit all loops."""
        if self.plan.inner == 1:
            self._last_axes()
        else:
            self._between()

    def _last_axes(self) -> None:
        plan = self.plan
        with outer_loop(plan.outer, plan.target.threads) as row:

            def value(column: Expr, lanes: int) -> Expr:
                return self._input(row * plan.length + column, lanes)

            total = fold_row(plan.length, self.lanes, self.start, value, self.join, self.dtype)
            at = T.floordiv(row, plan.columns), T.floormod(row, plan.columns)
            self._finish(total, *at, 1)

    def _between(self) -> None:
        """Rows of the output are runs of its last dimension."""
        plan = self.plan
        rows = plan.outer * plan.inner // plan.columns
        wide = CHAINS * self.lanes
        chunks, rest = divmod(plan.columns, wide)
        if chunks:
            with outer_loop(rows * chunks, plan.target.threads) as number:
                row, chunk = T.floordiv(number, chunks), T.floormod(number, chunks)
                self._columns(row, chunk * wide, CHAINS, self.lanes)
        if rest:
            with outer_loop(rows, plan.target.threads) as row:

                def vector(column: Expr, lanes: int) -> None:
                    self._columns(row, column + chunks * wide, 1, lanes)

                channel_vectors(rest, self.lanes, vector)

    def _columns(self, row: Expr, column: Expr, vectors: int, lanes: int) -> None:
        plan = self.plan
        rows_inside = plan.inner // plan.columns
        outer, inside = T.floordiv(row, rows_inside), T.floormod(row, rows_inside)
        base = outer * (plan.length * plan.inner) + inside * plan.columns + column
        totals = Registers(vectors, lanes, self.dtype)
        for i in range(vectors):
            totals.set(i, const(self.start, lanes, self.dtype))
        with loop(plan.length) as step:
            for i in range(vectors):
                value = self._input(base + step * plan.inner + i * lanes, lanes)
                totals.set(i, self.join(totals.get(i), value))
        for i in range(vectors):
            self._finish(totals.get(i), row, column + i * lanes, lanes)

    def _finish(self, total: Expr, row: Expr, column: Expr, lanes: int) -> None:
        if self.plan.op.kind == "mean":
            total = total * const(1.0 / self.plan.length, lanes)
        self.elements.store_outputs({self.plan.where.result: total}, row, column, lanes)
