"""The loops of an integer depthwise convolution over pairs of rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.lower.dtypes import memory_dtype
from graphopt.lower.lanes import cast
from graphopt.ops.quantized import Lookup
from graphopt.schedules.cpu.dot import PairDot
from graphopt.schedules.cpu.integer_depthwise_plan import MAX_UNROLLED
from graphopt.schedules.cpu.integer_depthwise_weights_loops import Unpacker
from graphopt.schedules.cpu.interleave import Interleaver
from graphopt.schedules.cpu.product import block_range
from graphopt.schedules.emit import (
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
    view,
)

if TYPE_CHECKING:
    from graphopt.schedules.cpu.integer_depthwise_plan import PairedRows

# Vectors of sums that become one vector of bytes: narrowing them apart costs more shuffles.
TOGETHER = 2
# A table is looked up for half a vector of bytes in as many instructions as for a whole one.
TOGETHER_LOOKED_UP = 4
# Nodes after the convolution that are written out for each pixel.
MAX_SHORT = 4


class DepthwiseEmitter:
    """Emits the loops of one plan."""

    def __init__(self, plan: PairedRows, buffers: Mapping[Value, Buffer], scratch: Buffer) -> None:
        _, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.dot = PairDot(plan.unit)
        self.vertical, self.horizontal = plan.axes
        self.weights = view(scratch, "int16")
        self.unpacker = Unpacker(plan, buffers[w], self.weights)
        self.bias = buffers[bias[0]] if bias else None
        self.copy = view(scratch, memory_dtype(plan.x.type.dtype))
        self.interleaver = Interleaver(plan, buffers[plan.x], self.copy)
        self.tables = any(isinstance(node.op, Lookup) for node in plan.where.region.nodes)
        self.together = TOGETHER_LOOKED_UP if self.tables else TOGETHER
        self.elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)

    def emit(self) -> None:
        """Emit all loops."""
        plan, out, threads = self.plan, self.vertical.out, self.plan.target.threads
        work = plan.work
        itemsize = plan.x.type.dtype.itemsize
        with outer_loop(work.count, threads) as block:
            weights = block * (plan.weight_bytes // 2)
            base = (work.count * plan.weight_bytes + block * plan.strip_bytes) // itemsize
            self.unpacker.emit(weights)
            with count(*block_range(block, work)) as strip:
                image = T.floordiv(strip, plan.strips)
                first = T.floormod(strip, plan.strips) * plan.strip_rows
                self.interleaver.emit(image, first, base)
                with count(first, T.min(first + plan.strip_rows, T.int32(out))) as y:
                    below = (y - first) * self.vertical.stride
                    start = base + T.floordiv(below, plan.row_step) * plan.row_elements
                    shift = T.floormod(below, plan.row_step) if plan.shifts > 1 else T.int32(0)
                    taps = weights + shift * (plan.wide * plan.taps)
                    self._row(image * out + y, start, taps)

    def _row(self, row: Expr, start: Expr, weights: Expr) -> None:
        """Output row `row`: its windows start in the copy from `start` on."""
        plan = self.plan
        for group in plan.tiles:
            with loop(group.count) as t:
                x = group.start + t * group.size
                left = start + x * (self.horizontal.stride * plan.wide * 2)
                pixel = row * self.horizontal.out + x
                tile = partial(self._tile, left, weights, pixel, group.size)
                wide = self.together * plan.lanes
                channel_vectors(plan.channels, wide, tile, wide // 2, plan.lanes)

    def _tile(
        self, left: Expr, weights: Expr, pixel: Expr, size: int, channel: Expr, lanes: int
    ) -> None:
        """The sums of `size` neighbouring pixels in `lanes` channels, and what follows them."""
        plan = self.plan
        vectors = -(-lanes // plan.lanes)
        sums = Registers(size * vectors, plan.lanes, "int32")
        zero = const(0, plan.lanes, "int32")
        for j in range(vectors):
            at = channel + j * plan.lanes
            start = zero if self.bias is None else load(self.bias, at, plan.lanes)
            for i in range(size):
                sums.set(i * vectors + j, start)
            numbers = [i * vectors + j for i in range(size)]
            self._sum(numbers, sums, left + at * 2, weights + at * plan.taps)

        def place(kept: Registers, i: Expr) -> None:
            known = {plan.where.result: kept.get(i * vectors, lanes)}
            self.elements.store_outputs(known, pixel + i, channel, lanes)

        if self.tables or len(plan.where.region.nodes) - 1 > MAX_SHORT:
            kept = in_memory(sums)
            with loop(size) as i:
                place(kept, i)
        else:
            for number in range(size):
                place(sums, T.int32(number))

    def _sum(self, where: list[int], sums: Registers, left: Expr, weights: Expr) -> None:
        """Add all products to the sums with these numbers, one for each pixel of a tile."""
        plan = self.plan
        wide = self.horizontal.kernel * plan.lanes * 2

        def pair(j: Expr) -> None:
            down = j * (plan.pair_step * plan.row_elements)
            self._sum_pair(where, sums, left + down, weights + j * wide)

        if plan.pairs * self.horizontal.kernel * len(where) <= MAX_UNROLLED:
            for number in range(plan.pairs):
                pair(T.int32(number))
        else:
            with loop(plan.pairs) as number:
                pair(number)

    def _sum_pair(self, where: list[int], sums: Registers, left: Expr, weights: Expr) -> None:
        """Add the products of one pair of kernel rows."""
        plan, axis = self.plan, self.horizontal
        wide = plan.lanes * 2

        def column(x: Expr) -> Expr:
            return named(cast(load(self.copy, left + x * (plan.wide * 2), wide), "int16"))

        def add(value: Expr, i: int, kw: Expr) -> None:
            weight = self.dot.weights(self.weights, weights + kw * wide)
            sums.set(where[i], self.dot.add(sums.get(where[i]), value, weight))

        if axis.kernel * len(where) > MAX_UNROLLED:
            with loop(axis.kernel) as kw:
                for i in range(len(where)):
                    add(column(i * axis.stride + kw * axis.dilation), i, kw)
            return
        users: dict[int, list[tuple[int, int]]] = {}
        for i in range(len(where)):
            for tap in range(axis.kernel):
                users.setdefault(i * axis.stride + tap * axis.dilation, []).append((i, tap))
        for x, taps in sorted(users.items()):
            value = column(T.int32(x))
            for i, tap in taps:
                add(value, i, T.int32(tap))
