"""What a depthwise convolution does with the taps of its windows."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.schedules.cpu.window import Strip, WindowPlan
from graphopt.schedules.cpu.window_loops import WindowEmitter
from graphopt.schedules.emit import Buffer, Expr, const, load


class DepthwiseEmitter(WindowEmitter):
    """Adds products with weights packed as [kh, kw, C], starting from the bias."""

    def __init__(self, plan: WindowPlan, buffers: Mapping[Value, Buffer]) -> None:
        super().__init__(plan, buffers)
        _, w, *bias = plan.where.anchor.inputs
        self.weights = buffers[w]
        self.bias = buffers[bias[0]] if bias else None

    def start(self, channel: Expr, lanes: int) -> Expr:
        return load(self.bias, channel, lanes) if self.bias is not None else const(0.0, lanes)

    def weight(self, kh: Expr, kw: int, channel: Expr, lanes: int) -> Expr:
        tap = (kh * self.plan.horizontal.kernel + kw) * self.plan.channels
        return load(self.weights, tap + channel, lanes)

    def fold(self, total: Expr, value: Expr, weight: Expr) -> Expr:
        return total + value * weight

    def result(self, total: Expr, y: Expr, strip: Strip, pixel: Expr, lanes: int) -> Expr:
        return total
