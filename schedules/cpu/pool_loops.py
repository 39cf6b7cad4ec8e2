"""What pools do with the taps of their windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphopt.ir import Value
from graphopt.ops.pooling import AveragePool, MaxPool, Pool, SumPool
from graphopt.ops.quantization import integer_range
from graphopt.schedules.cpu.product import tap_range
from graphopt.schedules.cpu.window import Axis, Strip, WindowPlan
from graphopt.schedules.cpu.window_loops import WindowEmitter
from graphopt.schedules.emit import Buffer, Expr, T, const, splat


class MaxEmitter(WindowEmitter):
    """Keeps the largest tap."""

    def start(self, channel: Expr, lanes: int) -> Expr:
        low = integer_range(self.source)[0] if self.source.is_integer else float("-inf")
        return const(low, lanes, self.dtype)

    def weight(self, kh: Expr, kw: int, channel: Expr, lanes: int) -> Expr:
        return None

    def fold(self, total: Expr, value: Expr, weight: Expr) -> Expr:
        return T.max(total, value)

    def result(self, total: Expr, y: Expr, strip: Strip, pixel: Expr, lanes: int) -> Expr:
        return total


class SumEmitter(WindowEmitter):
    """Adds the taps."""

    def start(self, channel: Expr, lanes: int) -> Expr:
        return const(0, lanes, self.dtype)

    def weight(self, kh: Expr, kw: int, channel: Expr, lanes: int) -> Expr:
        return None

    def fold(self, total: Expr, value: Expr, weight: Expr) -> Expr:
        return total + value

    def result(self, total: Expr, y: Expr, strip: Strip, pixel: Expr, lanes: int) -> Expr:
        return total


class AverageEmitter(SumEmitter):
    """Adds the taps and divides by how many count."""

    def __init__(self, plan: WindowPlan, buffers: Mapping[Value, Buffer]) -> None:
        super().__init__(plan, buffers)
        op = plan.where.anchor.op
        assert isinstance(op, AveragePool)
        self.vertical, self.horizontal = plan.vertical, plan.horizontal
        if op.count_pad:
            top, left, bottom, right = op.pads
            self.vertical = _padded(plan.vertical, top + bottom)
            self.horizontal = _padded(plan.horizontal, left + right)

    def uniform(self, strip: Strip) -> bool:
        return not strip.edge

    def result(self, total: Expr, y: Expr, strip: Strip, pixel: Expr, lanes: int) -> Expr:
        columns = self.horizontal.kernel
        if strip.edge:
            columns = len(self.horizontal.taps(strip.start + pixel))
        if not self.vertical.clipped:
            return total * const(1.0 / (self.vertical.kernel * columns), lanes)
        first, last = tap_range(self.vertical, y)
        taps = T.Cast("float32", (last - first) * columns)
        return total * splat(T.float32(1.0) / taps, lanes)


def _padded(axis: Axis, pads: int) -> Axis:
    """The same windows over an input that includes its padding."""
    return replace(axis, size=axis.size + pads, pad=0)


EMITTERS: dict[type[Pool], type[WindowEmitter]] = {
    MaxPool: MaxEmitter,
    SumPool: SumEmitter,
    AveragePool: AverageEmitter,
}
