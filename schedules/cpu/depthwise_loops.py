"""The loops of a depthwise convolution: rows, tiles of pixels, vectors of channels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from tvm.tirx.script.builder import ir as T

from graphopt.ir import Value
from graphopt.schedules.cpu.emit import (
    Buffer,
    Elements,
    Expr,
    Registers,
    channel_vectors,
    const,
    count,
    load,
    loop,
    outer_loop,
)
from graphopt.schedules.cpu.product import tap_range
from graphopt.schedules.cpu.window import Strip, stretches

if TYPE_CHECKING:
    from graphopt.schedules.cpu.depthwise import DepthwisePlan

# Kernels of at most this many taps are written out where no border cuts them.
UNROLLED_TAPS = 9


class DepthwiseEmitter:
    """Emits the loops of one plan."""

    def __init__(self, plan: DepthwisePlan, buffers: Mapping[Value, Buffer]) -> None:
        x, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.x, self.weights = buffers[x], buffers[w]
        self.bias = buffers[bias[0]] if bias else None
        self.batch = x.type.dims[0]
        shape = plan.where.result.type.dims
        self.elements = Elements(plan.where.region, buffers, shape)

    def emit(self) -> None:
        vertical = self.plan.vertical
        with outer_loop(self.batch * vertical.out, self.plan.threads) as row:
            image, y = T.floordiv(row, vertical.out), T.floormod(row, vertical.out)
            inside = vertical.interior
            if vertical.kernel * self.plan.horizontal.kernel > UNROLLED_TAPS or not inside:
                self._row(row, image, y, unrolled=False)
            elif not vertical.clipped:
                self._row(row, image, y, unrolled=True)
            else:
                with T.If(T.And(y >= inside.start, y < inside.stop)):
                    with T.Then():
                        self._row(row, image, y, unrolled=True)
                    with T.Else():
                        self._row(row, image, y, unrolled=False)

    def _row(self, row: Expr, image: Expr, y: Expr, unrolled: bool) -> None:
        plan = self.plan
        top = image * plan.vertical.size + y * plan.vertical.stride - plan.vertical.pad
        for strip in plan.strips:
            with loop(strip.count) as t:
                x = strip.start + t * strip.size
                tile = partial(self._tile, row, top, y, x, strip, unrolled)
                channel_vectors(plan.channels, plan.lanes, tile)

    def _tile(
        self,
        row: Expr,
        top: Expr,
        y: Expr,
        x: Expr,
        strip: Strip,
        unrolled: bool,
        channel: Expr,
        lanes: int,
    ) -> None:
        plan = self.plan
        sums = Registers(strip.size, lanes)
        start = load(self.bias, channel, lanes) if self.bias is not None else const(0.0, lanes)
        for i in range(strip.size):
            sums.set(i, start)
        if unrolled:
            for kh in range(plan.vertical.kernel):
                self._taps(sums, T.int32(kh), top, x, strip, channel, lanes)
        else:
            with count(*tap_range(plan.vertical, y)) as kh:
                self._taps(sums, kh, top, x, strip, channel, lanes)
        out = row * plan.horizontal.out + x
        for i in range(strip.size):
            known = {plan.where.result: sums.get(i)}
            self.elements.store_outputs(known, out + i, channel, lanes)

    def _taps(
        self,
        sums: Registers,
        kh: Expr,
        top: Expr,
        x: Expr,
        strip: Strip,
        channel: Expr,
        lanes: int,
    ) -> None:
        """Add the taps of kernel row `kh`."""
        vertical, horizontal = self.plan.vertical, self.plan.horizontal
        line = (top + kh * vertical.dilation) * horizontal.size
        left = line + x * horizontal.stride - horizontal.pad
        for stretch in stretches(horizontal, strip):
            for kw in range(stretch.first, stretch.last):
                tap = (kh * horizontal.kernel + kw) * self.plan.channels
                w = load(self.weights, tap + channel, lanes)
                for i in stretch.rows:
                    pixel = left + i * horizontal.stride + kw * horizontal.dilation
                    value = load(self.x, pixel * self.plan.channels + channel, lanes)
                    sums.set(i, sums.get(i) + value * w)
