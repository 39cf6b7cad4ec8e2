"""The loops of an integer depthwise convolution."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from tvm import tirx

from graphopt.ir import Value
from graphopt.lower.casts import unpack
from graphopt.lower.dtypes import memory_dtype
from graphopt.lower.lanes import cast, shuffle
from graphopt.schedules.cpu.dot import PairDot
from graphopt.schedules.cpu.emit import (
    Buffer,
    Elements,
    Expr,
    Registers,
    T,
    channel_vectors,
    const,
    count,
    in_memory,
    load,
    loop,
    named,
    outer_loop,
    store,
    view,
)
from graphopt.schedules.cpu.integer_depthwise_plan import MAX_UNROLLED, extent
from graphopt.schedules.cpu.product import block_range
from graphopt.schedules.cpu.tiling import Blocks

if TYPE_CHECKING:
    from graphopt.schedules.cpu.dot import PairDot
from graphopt.schedules.cpu.integer_depthwise_plan import Pairs

# Nodes after the convolution that are written out for each pixel.
MAX_SHORT = 4


class PairsEmitter:
    """Emits the loops of one plan."""

    def __init__(
        self, plan: Pairs, buffers: Mapping[Value, Buffer], scratch: Buffer | None
    ) -> None:
        _, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.dot = PairDot(plan.unit)
        self.vertical, self.horizontal = plan.axes
        self.batch = plan.x.type.dims[0]
        self.x = buffers[plan.x]
        self.weights = buffers[w]
        self.bias = buffers[bias[0]] if bias else None
        self.rows = self.x if scratch is None else view(scratch, memory_dtype(plan.x.type.dtype))
        self.elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)

    def emit(self) -> None:
        """Emit all loops."""
        plan, out = self.plan, self.vertical.out
        strips = -(-out // plan.strip_rows)
        threads = plan.target.threads
        share = Blocks(self.batch * strips, -(-self.batch * strips // threads))
        with outer_loop(share.count, threads) as part, count(*block_range(part, share)) as strip:
            image, first = T.floordiv(strip, strips), T.floormod(strip, strips) * plan.strip_rows
            top = first * self.vertical.stride - self.vertical.pad
            if plan.copied:
                base = part * plan.strip_elements
                self._copy(image, top, base)
            else:
                base = self._pixel(image, top, T.int32(0))
            with count(first, T.min(first + plan.strip_rows, T.int32(out))) as y:
                below = (y - first) * self.vertical.stride * plan.row_pixels * plan.pixel_elements
                self._row(image * out + y, base + below)

    def _pixel(self, image: Expr, y: Expr, x: Expr) -> Expr:
        """The offset of a pixel of the input."""
        return ((image * self.vertical.size + y) * self.horizontal.size + x) * self.plan.channels

    # Copying a strip of rows, with padding around them

    def _copy(self, image: Expr, top: Expr, base: Expr) -> None:
        plan = self.plan
        wide = plan.row_pixels * plan.pixel_elements
        with loop(extent(self.vertical, plan.strip_rows)) as i:
            row, start = top + i, base + i * wide
            with T.If(T.And(row >= 0, row < self.vertical.size)):
                with T.Then():
                    self._copy_row(self._pixel(image, row, T.int32(0)), start)
                with T.Else():
                    self._fill(start, wide)

    def _copy_row(self, source: Expr, target: Expr) -> None:
        plan = self.plan
        left = min(self.horizontal.pad, plan.row_pixels)
        inside = max(0, min(self.horizontal.size, plan.row_pixels - left))
        wide = plan.pixel_elements
        self._fill(target, left * wide)
        if wide == plan.channels:
            self._move(source, target + left * wide, inside * wide)
        else:
            with loop(inside) as i:
                self._move(source + i * plan.channels, target + (left + i) * wide, plan.channels)
        self._fill(target + (left + inside) * wide, (plan.row_pixels - left - inside) * wide)

    def _move(self, source: Expr, target: Expr, elements: int) -> None:
        dtype = self.plan.x.type.dtype

        def move(i: Expr, lanes: int) -> None:
            value = unpack(load(self.x, source + i, lanes), dtype)
            store(self.rows, target + i, value, lanes)

        channel_vectors(elements, self.plan.target.lanes(dtype.itemsize), move)

    def _fill(self, target: Expr, elements: int) -> None:
        dtype = self.plan.x.type.dtype

        def fill(i: Expr, lanes: int) -> None:
            value = const(self.plan.op.pad_value, lanes, memory_dtype(dtype))
            store(self.rows, target + i, value, lanes)

        channel_vectors(elements, self.plan.target.lanes(dtype.itemsize), fill)

    # Convolving

    def _row(self, row: Expr, base: Expr) -> None:
        plan = self.plan
        for group in plan.tiles:
            with loop(group.count) as t:
                x = group.start + t * group.size
                left = base + x * self.horizontal.stride * plan.pixel_elements
                pixel = row * self.horizontal.out + x
                tile = partial(self._tile, left, pixel, group.size)
                channel_vectors(plan.channels, plan.lanes, tile)

    def _tile(self, left: Expr, pixel: Expr, size: int, channel: Expr, lanes: int) -> None:
        """The sums of `size` neighbouring pixels, and what follows them."""
        plan = self.plan
        sums = Registers(size, plan.lanes, "int32")
        zero = const(0, plan.lanes, "int32")
        start = zero if self.bias is None else load(self.bias, channel, plan.lanes)
        for i in range(size):
            sums.set(i, start)
        self._sum(sums, left + channel, channel)

        def place(kept: Registers, i: Expr) -> None:
            known = {plan.where.result: kept.get(i, lanes)}
            self.elements.store_outputs(known, pixel + i, channel, lanes)

        if len(plan.where.region.nodes) - 1 > MAX_SHORT:
            kept = in_memory(sums)
            with loop(size) as i:
                place(kept, i)
        else:
            for number in range(size):
                place(sums, T.int32(number))

    def _sum(self, sums: Registers, left: Expr, channel: Expr) -> None:
        """Add all products, a pair of kernel rows at a time."""
        whole = self.vertical.kernel // 2
        width = self.horizontal.kernel * sums.count
        if self.plan.row_pairs * width <= MAX_UNROLLED:
            for pair in range(whole):
                self._sum_pair(sums, left, channel, T.int32(pair), 2)
        else:
            with loop(whole) as pair:
                self._sum_pair(sums, left, channel, pair, 2)
        if self.vertical.kernel % 2:
            self._sum_pair(sums, left, channel, T.int32(whole), 1)

    def _sum_pair(self, sums: Registers, left: Expr, channel: Expr, pair: Expr, rows: int) -> None:
        """Add the products of one pair of kernel rows, of which `rows` are there."""
        plan, horizontal = self.plan, self.horizontal
        below = self.vertical.dilation * plan.row_pixels * plan.pixel_elements
        top = left + pair * 2 * below
        taps = plan.row_pairs * horizontal.kernel
        # The weights of a vector of channels are 2 * taps times as many as its channels.
        first = channel * (2 * taps) + pair * (horizontal.kernel * plan.lanes * 2)

        def add(column: Expr, i: int, kw: Expr) -> None:
            weight = self.dot.weights(self.weights, first + kw * (plan.lanes * 2))
            sums.set(i, self.dot.add(sums.get(i), column, weight))

        def column(x: Expr) -> Expr:
            at = top + x * plan.pixel_elements
            return named(self._pair(at, at + below if rows == 2 else None))

        if horizontal.kernel * sums.count > MAX_UNROLLED:
            with loop(horizontal.kernel) as kw:
                for i in range(sums.count):
                    add(column(i * horizontal.stride + kw * horizontal.dilation), i, kw)
            return
        users: dict[int, list[tuple[int, int]]] = {}
        for i in range(sums.count):
            for kw in range(horizontal.kernel):
                at = i * horizontal.stride + kw * horizontal.dilation
                users.setdefault(at, []).append((i, kw))
        for x, pairs in sorted(users.items()):
            value = column(T.int32(x))
            for i, kw in pairs:
                add(value, i, T.int32(kw))

    def _pair(self, upper: Expr, lower: Expr | None) -> Expr:
        """The elements of two rows side by side, in 16 bits each."""
        lanes = self.plan.lanes
        above = load(self.rows, upper, lanes)
        if lower is None:
            return tirx.reinterpret(f"int16x{2 * lanes}", cast(above, "int32"))
        order = [i // 2 + i % 2 * lanes for i in range(2 * lanes)]
        return cast(shuffle([above, load(self.rows, lower, lanes)], order), "int16")
