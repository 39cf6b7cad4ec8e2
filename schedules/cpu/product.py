"""The inner loops that matrix products and convolutions share: one register tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from graphopt.schedules.cpu.dot import BurstDot, Dot
from graphopt.schedules.cpu.tiling import Blocks, Group, Panel
from graphopt.schedules.cpu.window import Axis
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    Registers,
    T,
    const,
    in_memory,
    load,
    loop,
)
from graphopt.schedules.region import Anchored


@dataclass(frozen=True)
class Segment:
    """A stretch of the sum: `steps` steps for each of `rows` (numbers of the tile's rows).

    `element(row, k)` is the offset of the first element of the input that belongs to step k,
    `weight(k)` that of its weights.
    """

    rows: Sequence[int]
    steps: int
    element: Callable[[int, Expr], Expr]
    weight: Callable[[Expr], Expr]


@dataclass(frozen=True)
class Operands:
    """What a product reads: its input, its packed weights, and what its sums start from.

    Each of `starts` is a buffer that holds, from its first element on, one number per channel.
    """

    rows: Buffer
    weights: Buffer
    starts: tuple[Buffer, ...] = ()


class TileEmitter:
    """Emits register tiles of one product: clear, sum, then elementwise nodes and stores."""

    def __init__(
        self,
        elements: Elements,
        where: Anchored,
        dot: Dot,
        operands: Operands,
    ) -> None:
        self.elements = elements
        self.where = where
        self.dot = dot
        self.lanes = dot.lanes
        self.operands = operands

    def zeros(self, count: int) -> Registers:
        """So many accumulators that start from zero."""
        sums = Registers(count, self.lanes, self.dot.dtype)
        for i in range(count):
            sums.set(i, const(0, self.lanes, self.dot.dtype))
        return sums

    def clear(self, rows: int, panel: Panel, column: Expr) -> Registers:
        """Accumulators of a tile; those of whole vectors start from `operands.starts`."""
        vectors = panel.group.size
        sums = self.zeros(rows * vectors)
        for j in range(vectors):
            if self._lanes(panel, j) == self.lanes:
                zero = const(0, self.lanes, self.dot.dtype)
                start = self._started(zero, column + j * self.lanes, self.lanes)
                for i in range(rows):
                    sums.set(i * vectors + j, start)
        return sums

    def accumulate(self, sums: Registers, vectors: int, segment: Segment) -> None:
        """Add all products of `segment`."""
        dot = self.dot
        if not isinstance(dot, BurstDot):
            self._steps(sums, vectors, segment, T.int32(0), segment.steps)
            return
        size = -(-segment.steps // -(-segment.steps // dot.unit.burst))
        rounds, rest = divmod(segment.steps, size)
        with loop(rounds) as number:
            self._burst(dot, sums, vectors, segment, number * size, size)
        if rest:
            self._burst(dot, sums, vectors, segment, T.int32(rounds * size), rest)

    def _burst(
        self,
        dot: BurstDot,
        sums: Registers,
        vectors: int,
        segment: Segment,
        first: Expr,
        steps: int,
    ) -> None:
        """Sum some steps in narrow lanes, and add those sums."""
        narrow = Registers(sums.count, self.lanes * 2, "int16")
        for i in range(sums.count):
            narrow.set(i, const(0, self.lanes * 2, "int16"))
        self._steps(narrow, vectors, segment, first, steps)
        for i in range(sums.count):
            sums.set(i, dot.widen(sums.get(i), narrow.get(i)))

    def _steps(
        self, sums: Registers, vectors: int, segment: Segment, first: Expr, steps: int
    ) -> None:
        """Add the products of some steps, from `first` on."""
        dot = self.dot
        wide = dot.lanes * dot.unit.terms

        def step(k: Expr) -> None:
            base = segment.weight(k)
            for i in segment.rows:
                x = dot.spread(self.operands.rows, segment.element(i, k))
                for j in range(vectors):
                    w = dot.weights(self.operands.weights, base + j * wide)
                    sums.set(i * vectors + j, dot.add(sums.get(i * vectors + j), x, w))

        rounds, rest = divmod(steps, dot.unroll)
        if rounds > 1:
            with loop(rounds) as k:
                for u in range(dot.unroll):
                    step(first + k * dot.unroll + u)
        else:
            rest = steps
        for k in range(steps - rest, steps):
            step(first + k)

    def finish(self, sums: Registers, rows: int, panel: Panel, row: Expr, column: Expr) -> None:
        """Apply the elementwise nodes and store: rows `row`, `row` + 1, ... from `column` on."""
        vectors = panel.group.size

        def place(kept: Registers, i: Expr, j: Expr, lanes: int) -> None:
            total = kept.get(i * vectors + j, lanes)
            at = column + j * self.lanes
            if lanes < self.lanes:
                total = self._started(total, at, lanes)
            self.elements.store_outputs({self.where.result: total}, row + i, at, lanes)

        if self.where.heavy:
            kept = in_memory(sums)
            with loop(rows) as i:
                self.each_vector(panel, partial(place, kept, i))
            return
        for i in range(rows):
            whole, together = self._cut(panel)
            for j in range(0, whole, together):
                place(sums, i, j, self.lanes * together)
            if whole < vectors:
                place(sums, i, whole, panel.tail)

    def each_vector(self, panel: Panel, place: Callable[[Expr, int], None]) -> None:
        """Write out the vectors of a panel: place(number, lanes), several at once where they fit.

        The lanes of a partial vector come last. There is no loop: LLVM would take it for the
        hottest one, and keep its constants in registers that the sums of products need.
        """
        whole, together = self._cut(panel)
        for j in range(0, whole, together):
            place(T.int32(j), self.lanes * together)
        if whole < panel.group.size:
            place(T.int32(whole), panel.tail)

    def start_and_store(self, total: Expr, row: Expr, column: Expr, lanes: int) -> None:
        """Add `operands.starts` to sums that started from zero, and go on as `finish`."""
        total = self._started(total, column, lanes)
        self.elements.store_outputs({self.where.result: total}, row, column, lanes)

    def _started(self, total: Expr, column: Expr, lanes: int) -> Expr:
        for start in self.operands.starts:
            total = total + load(start, column, lanes)
        return total

    def _cut(self, panel: Panel) -> tuple[int, int]:
        """The whole vectors of a panel, and how many give one vector of the narrowest output."""
        whole = panel.group.size - (panel.tail < self.lanes)
        narrowest = min(value.type.dtype.itemsize for value in self.where.region.outputs)
        return whole, math.gcd(whole, max(1, 4 // narrowest))

    def _lanes(self, panel: Panel, vector: int) -> int:
        return panel.tail if vector == panel.group.size - 1 else self.lanes


def block_range(block: Expr, blocks: Blocks) -> tuple[Expr, Expr]:
    """The numbers of the parts that belong to a block."""
    if blocks.count == 1:
        return T.int32(0), T.int32(blocks.total)
    first = block * blocks.size
    return first, T.min(first + blocks.size, T.int32(blocks.total))


def row_of(groups: tuple[Group, ...], part: Expr) -> Expr:
    """Where a part of a split starts: `split` puts the larger parts, by one, first."""
    if len(groups) == 1:
        return part * groups[0].size
    return part * groups[1].size + T.min(part, T.int32(groups[0].count))


def within(group: Group, lo: Expr, hi: Expr) -> tuple[Expr, Expr]:
    """The numbers of a group's parts that lie in [lo, hi)."""
    return T.max(T.int32(group.first), lo), T.min(T.int32(group.end), hi)


def tap_range(axis: Axis, position: Expr) -> tuple[Expr, Expr]:
    """The kernel taps of an output position that fall inside the input."""
    if not axis.clipped:
        return T.int32(0), T.int32(axis.kernel)
    start = position * axis.stride - axis.pad
    first = T.max(T.int32(0), T.floordiv(axis.dilation - 1 - start, axis.dilation))
    beyond = T.floordiv(axis.size - start + axis.dilation - 1, axis.dilation)
    return first, T.min(T.int32(axis.kernel), beyond)
