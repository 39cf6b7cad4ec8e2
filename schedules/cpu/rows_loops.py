"""The passes over a row that softmax and layer normalization make."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.lower.expr import expression
from graphopt.ops.normalization import LayerNorm, Softmax
from graphopt.ops.unary import Exp, Log
from graphopt.schedules.cpu.fold import add, fold_row
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    T,
    channel_vectors,
    load,
    named,
    outer_loop,
    splat,
    store,
)
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget


class _Row:
    """One row: its anchor's input, and a place to keep values of its length."""

    def __init__(self, where: Anchored, elements: Elements, row: Expr) -> None:
        self.elements = elements
        self.row = row
        self.length = where.result.type.dims[-1]
        self.input = where.anchor.inputs[0]
        self.computed = self.input not in where.region.inputs
        self.kept = elements.buffers[where.region.outputs[0]]

    def first(self, column: Expr, lanes: int) -> Expr:
        """The anchor's input; the first pass keeps it if it had to be computed."""
        value = named(self.elements.value(self.input, {}, self.row, column, lanes))
        if self.computed:
            self.keep(column, value, lanes)
        return value

    def again(self, column: Expr, lanes: int) -> Expr:
        """The anchor's input, in a later pass, if nothing else was kept."""
        if self.computed:
            return self.recall(column, lanes)
        return self.elements.value(self.input, {}, self.row, column, lanes)

    def keep(self, column: Expr, value: Expr, lanes: int) -> None:
        store(self.kept, self.row * self.length + column, value, lanes)

    def recall(self, column: Expr, lanes: int) -> Expr:
        return load(self.kept, self.row * self.length + column, lanes)


def emit_softmax(where: Anchored, buffers: Mapping[Value, Buffer], target: CpuTarget) -> None:
    """Maximum; exponentials and their sum; quotients."""
    op = where.anchor.op
    assert isinstance(op, Softmax)
    shape = where.result.type.dims
    elements = Elements(where.region, buffers, shape)
    unit = target.lanes(4)
    with outer_loop(where.result.type.elements // shape[-1], target.threads) as number:
        row = _Row(where, elements, number)
        largest = fold_row(row.length, unit, float("-inf"), row.first, T.max)

        def exponential(column: Expr, lanes: int) -> Expr:
            power = named(expression(Exp(), row.again(column, lanes) - splat(largest, lanes)))
            if not op.log:
                row.keep(column, power, lanes)
            return power

        total = fold_row(row.length, unit, 0.0, exponential, add)
        # What the last pass subtracts from the input, or what it multiplies the exponentials by.
        factor = T.float32(1.0) / total
        scalar = named(largest + expression(Log(), total) if op.log else factor)

        def finish(column: Expr, lanes: int) -> None:
            if op.log:
                result = row.again(column, lanes) - splat(scalar, lanes)
            else:
                result = row.recall(column, lanes) * splat(scalar, lanes)
            elements.store_outputs({where.result: named(result)}, number, column, lanes)

        channel_vectors(row.length, unit, finish)


def emit_layer_norm(where: Anchored, buffers: Mapping[Value, Buffer], target: CpuTarget) -> None:
    """Mean; variance around it; normalized elements."""
    op = where.anchor.op
    assert isinstance(op, LayerNorm)
    shape = where.result.type.dims
    elements = Elements(where.region, buffers, shape)
    unit = target.lanes(4)
    with outer_loop(where.result.type.elements // shape[-1], target.threads) as number:
        row = _Row(where, elements, number)
        share = T.float32(1.0 / row.length)
        mean = None
        if not op.rms:
            mean = named(fold_row(row.length, unit, 0.0, row.first, add) * share)

        def centred(column: Expr, lanes: int) -> Expr:
            if mean is None:
                return row.again(column, lanes)
            return named(row.again(column, lanes) - splat(mean, lanes))

        def square(column: Expr, lanes: int) -> Expr:
            value = row.first(column, lanes) if mean is None else centred(column, lanes)
            return value * value

        squares = fold_row(row.length, unit, 0.0, square, add)
        deviation = T.sqrt(squares * share + T.float32(op.epsilon))
        factor = named(T.float32(1.0) / deviation)

        def finish(column: Expr, lanes: int) -> None:
            result = named(centred(column, lanes) * splat(factor, lanes))
            elements.store_outputs({where.result: result}, number, column, lanes)

        channel_vectors(row.length, unit, finish)
