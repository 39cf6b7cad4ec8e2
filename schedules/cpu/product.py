"""The inner loops that matrix products and convolutions share: one register tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphopt.ir import Value
from graphopt.schedules.cpu.emit import (
    Buffer,
    Elements,
    Expr,
    Registers,
    T,
    const,
    in_memory,
    load,
    loop,
    splat,
)
from graphopt.schedules.cpu.region import Anchored
from graphopt.schedules.cpu.tiling import Blocks, Group, Panel
from graphopt.schedules.cpu.window import Axis

# Two steps per iteration hide the loop; many more overflow the instruction buffers.
UNROLL = 2


@dataclass(frozen=True)
class Segment:
    """A stretch of the sum: `depth` products for each of `rows` (numbers of the tile's rows).

    `scalar(row, k)` is the input's element, `weight(k)` the offset of the weights of step k.
    """

    rows: Sequence[int]
    depth: int
    scalar: Callable[[int, Expr], Expr]
    weight: Callable[[Expr], Expr]


class TileEmitter:
    """Emits register tiles of one product: clear, sum, then elementwise nodes and stores."""

    def __init__(
        self,
        elements: Elements,
        where: Anchored,
        weights: Buffer,
        lanes: int,
        bias: Value | None = None,
    ) -> None:
        self.elements = elements
        self.where = where
        self.weights = weights
        self.lanes = lanes
        self.bias = bias

    def clear(self, rows: int, panel: Panel, column: Expr) -> Registers:
        """Accumulators that start from the bias, or from zero."""
        vectors = panel.group.size
        sums = Registers(rows * vectors, self.lanes)
        for j in range(vectors):
            if self.bias is not None and self._lanes(panel, j) == self.lanes:
                offset = column + j * self.lanes
                start = load(self.elements.buffers[self.bias], offset, self.lanes)
            else:
                start = const(0.0, self.lanes)
            for i in range(rows):
                sums.set(i * vectors + j, start)
        return sums

    def accumulate(self, sums: Registers, vectors: int, segment: Segment) -> None:
        """Add all products of `segment`."""

        def step(k: Expr) -> None:
            base = segment.weight(k)
            for i in segment.rows:
                x = splat(segment.scalar(i, k), self.lanes)
                for j in range(vectors):
                    w = load(self.weights, base + j * self.lanes, self.lanes)
                    sums.set(i * vectors + j, sums.get(i * vectors + j) + x * w)

        steps, rest = divmod(segment.depth, UNROLL)
        if steps > 1:
            with loop(steps) as k:
                for u in range(UNROLL):
                    step(k * UNROLL + u)
        else:
            rest = segment.depth
        for k in range(segment.depth - rest, segment.depth):
            step(T.int32(k))

    def finish(self, sums: Registers, rows: int, panel: Panel, row: Expr, column: Expr) -> None:
        """Apply the elementwise nodes and store: rows `row`, `row` + 1, ... from `column` on."""
        vectors = panel.group.size
        whole = vectors if panel.tail == self.lanes else vectors - 1

        def place(kept: Registers, i: Expr, j: Expr, lanes: int) -> None:
            at = column + j * self.lanes
            total = kept.get(i * vectors + j, lanes)
            if self.bias is not None and lanes != self.lanes:
                total = total + load(self.elements.buffers[self.bias], at, lanes)
            self.elements.store_outputs({self.where.result: total}, row + i, at, lanes)

        if self.where.heavy:
            kept = in_memory(sums)
            with loop(rows) as i:
                if whole:
                    with loop(whole) as j:
                        place(kept, i, j, self.lanes)
                if whole < vectors:
                    place(kept, i, whole, panel.tail)
            return
        for number in range(rows):
            for j in range(vectors):
                place(sums, number, j, self._lanes(panel, j))

    def _lanes(self, panel: Panel, vector: int) -> int:
        return panel.tail if vector == panel.group.size - 1 else self.lanes


def block_range(block: Expr, blocks: Blocks) -> tuple[Expr, Expr]:
    """The numbers of the parts that belong to a block."""
    if blocks.count == 1:
        return T.int32(0), T.int32(blocks.total)
    first = block * blocks.size
    return first, T.min(first + blocks.size, T.int32(blocks.total))


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
