"""The loops that depthwise convolutions and pools share: rows, tiles of pixels, channel vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial

from graphopt.ir import Value
from graphopt.lower.casts import unpack
from graphopt.lower.dtypes import tvm_dtype
from graphopt.lower.lanes import cast
from graphopt.schedules.cpu.product import tap_range
from graphopt.schedules.cpu.window import Strip, WindowPlan, stretches
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    Registers,
    T,
    channel_vectors,
    count,
    in_memory,
    load,
    loop,
    outer_loop,
)

# Windows of at most this many taps are written out where no border cuts them.
UNROLLED_TAPS = 9
# What longer vectors leave over is worth shorter ones.
LONG = 16


class WindowEmitter(ABC):
    """Emits an operator that folds the taps of a window, channel by channel."""

    def __init__(self, plan: WindowPlan, buffers: Mapping[Value, Buffer]) -> None:
        x = plan.where.anchor.inputs[0]
        self.plan = plan
        self.source = x.type.dtype
        self.dtype = tvm_dtype(plan.where.result.type.dtype)
        self.buffers = buffers
        self.x = buffers[x]
        self.batch = x.type.dims[0]
        self.elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)

    @abstractmethod
    def start(self, channel: Expr, lanes: int) -> Expr:
        """The value before the first tap."""

    @abstractmethod
    def weight(self, kh: Expr, kw: int, channel: Expr, lanes: int) -> Expr:
        """What all windows need of a tap: its weights, or None."""

    @abstractmethod
    def fold(self, total: Expr, value: Expr, weight: Expr) -> Expr:
        """The value after one more tap."""

    @abstractmethod
    def result(self, total: Expr, y: Expr, strip: Strip, pixel: Expr, lanes: int) -> Expr:
        """The anchor's output for pixel number `pixel` of a tile in output row `y`."""

    def uniform(self, strip: Strip) -> bool:
        """Whether `result` does not depend on the pixel's number."""
        return True

    def emit(self) -> None:
        """Emit all loops."""
        vertical = self.plan.vertical
        with outer_loop(self.batch * vertical.out, self.plan.threads) as row:
            image, y = T.floordiv(row, vertical.out), T.floormod(row, vertical.out)
            inside = vertical.interior
            taps = vertical.kernel * self.plan.horizontal.kernel
            if taps > UNROLLED_TAPS or not inside or self.plan.where.heavy:
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
                narrower = (plan.lanes // 2, plan.lanes // 4) if plan.lanes > LONG else ()
                channel_vectors(plan.channels, plan.lanes, tile, *narrower)

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
        totals = Registers(strip.size, lanes, self.dtype)
        start = self.start(channel, lanes)
        for i in range(strip.size):
            totals.set(i, start)
        if unrolled:
            for kh in range(self.plan.vertical.kernel):
                self._taps(totals, T.int32(kh), top, x, strip, channel, lanes)
        else:
            with count(*tap_range(self.plan.vertical, y)) as kh:
                self._taps(totals, kh, top, x, strip, channel, lanes)
        out = row * self.plan.horizontal.out + x

        def place(kept: Registers, i: Expr) -> None:
            known = {self.plan.where.result: self.result(kept.get(i), y, strip, i, lanes)}
            self.elements.store_outputs(known, out + i, channel, lanes)

        if self.plan.where.heavy and self.uniform(strip):
            kept = in_memory(totals)
            with loop(strip.size) as i:
                place(kept, i)
        else:
            for number in range(strip.size):
                place(totals, number)

    def _taps(
        self,
        totals: Registers,
        kh: Expr,
        top: Expr,
        x: Expr,
        strip: Strip,
        channel: Expr,
        lanes: int,
    ) -> None:
        """Fold the taps of kernel row `kh`."""
        vertical, horizontal = self.plan.vertical, self.plan.horizontal
        line = (top + kh * vertical.dilation) * horizontal.size
        left = line + x * horizontal.stride - horizontal.pad
        for stretch in stretches(horizontal, strip):
            for kw in range(stretch.first, stretch.last):
                weight = self.weight(kh, kw, channel, lanes)
                for i in stretch.rows:
                    pixel = left + i * horizontal.stride + kw * horizontal.dilation
                    value = load(self.x, pixel * self.plan.channels + channel, lanes)
                    value = cast(unpack(value, self.source), self.dtype)
                    totals.set(i, self.fold(totals.get(i), value, weight))
