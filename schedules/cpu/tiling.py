"""How a matrix product is cut into register tiles: a small model of the core, no measuring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from graphopt.ir import Array
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.targets import CpuTarget

# Two in theory; measured on Zen 3 with one broadcast for each FMA.
LOADS_PER_CYCLE = 1.6
# 4 on Zen and recent Intel cores; half a cycle more for tiles that have no slack.
STEP_LATENCY = 4.5
# Cycles around the inner loop of one tile: to clear and store an accumulator, and for the loop.
PER_ACCUMULATOR = 2.0
PER_TILE = 12.0
# Each shape of tile is code of its own: so much slower may one be that saves another.
PER_SHAPE = 0.01


@dataclass(frozen=True)
class Group:
    """Neighbouring parts of equal size: `count` parts of `size`, the first one at `start`.

    `first` is the number of the first part among all parts of the split.
    """

    first: int
    count: int
    start: int
    size: int

    @property
    def end(self) -> int:
        """The number after the last part."""
        return self.first + self.count


def split(total: int, most: int) -> tuple[Group, ...]:
    """Cut `total` into as few parts as possible of at most `most`, whose sizes differ by one."""
    parts = -(-total // most)
    size, larger = divmod(total, parts)
    groups = (
        Group(0, larger, 0, size + 1),
        Group(larger, parts - larger, larger * (size + 1), size),
    )
    return tuple(group for group in groups if group.count)


@dataclass(frozen=True)
class Tile:
    """The largest register tile of a product: rows (pixels) x vectors of output channels."""

    rows: int
    vectors: int


def tile_cycles(unit: VectorUnit, rows: int, vectors: int, depth: int) -> float:
    """Estimated cycles of one tile that sums `depth` products."""
    accumulators = rows * vectors
    step = max(
        accumulators / unit.steps_per_cycle, STEP_LATENCY, (rows + vectors) / LOADS_PER_CYCLE
    )
    return unit.steps(depth) * step + accumulators * PER_ACCUMULATOR + PER_TILE


@cache
def choose_tile(unit: VectorUnit, rows: int, vectors: int, depth: int) -> Tile:
    """The tile that covers rows x vectors in the fewest estimated cycles."""
    best: tuple[float, Tile] | None = None
    for tile_vectors in range(1, min(vectors, 8) + 1):
        for tile_rows in range(1, min(rows, unit.registers) + 1):
            if not unit.fits(tile_rows, tile_vectors):
                break
            shapes = [
                (across.count * down.count, down.size, across.size)
                for across in split(vectors, tile_vectors)
                for down in split(rows, tile_rows)
            ]
            total = sum(number * tile_cycles(unit, m, n, depth) for number, m, n in shapes)
            cycles = total * (1 + PER_SHAPE * (len(shapes) - 1))
            if best is None or cycles < best[0]:
                best = (cycles, Tile(tile_rows, tile_vectors))
    assert best is not None
    return best[1]


@dataclass(frozen=True)
class Panel:
    """Neighbouring panels of equal shape; `tail` lanes of their last vector hold channels."""

    group: Group
    tail: int


@dataclass(frozen=True)
class Panels:
    """Output channels cut into vectors, and vectors into panels; a panel's weights are contiguous.

    The packed weights hold, panel after panel, [steps][panel vectors][lanes][terms], with zeros
    beyond the last channel and the last product.
    """

    channels: int
    depth: int
    most_vectors: int
    unit: VectorUnit
    itemsize: int = 4

    @property
    def lanes(self) -> int:
        return self.unit.lanes

    @property
    def vectors(self) -> int:
        return -(-self.channels // self.lanes)

    @property
    def elements(self) -> int:
        """The size of the packed weights."""
        return self.vectors * self.vector_elements

    @property
    def vector_elements(self) -> int:
        """How many packed weights belong to one vector of channels."""
        return self.unit.steps(self.depth) * self.unit.terms * self.lanes

    @property
    def bytes(self) -> int:
        """About how large one packed panel is."""
        return self.elements * self.itemsize // self.count

    @property
    def count(self) -> int:
        return split(self.vectors, self.most_vectors)[-1].end

    def shapes(self) -> tuple[Panel, ...]:
        """The panels by shape; one with a partial last vector stands alone."""
        groups = split(self.vectors, self.most_vectors)
        tail = self.channels % self.lanes
        if not tail:
            return tuple(Panel(group, self.lanes) for group in groups)
        *full, last = groups
        if last.count > 1:
            full.append(Group(last.first, last.count - 1, last.start, last.size))
        start = last.start + (last.count - 1) * last.size
        return (
            *(Panel(group, self.lanes) for group in full),
            Panel(Group(last.end - 1, 1, start, last.size), tail),
        )

    def pack(self, matrix: Array) -> Array:
        """Pack a [depth, channels] matrix."""
        steps, terms = self.unit.steps(self.depth), self.unit.terms
        padded = np.zeros((steps * terms, self.vectors * self.lanes), matrix.dtype)
        padded[: self.depth, : self.channels] = matrix
        stepped = padded.reshape(steps, terms, -1).swapaxes(1, 2).reshape(steps, -1)
        blocks: list[Array] = []
        for group in split(self.vectors, self.most_vectors):
            first = group.start * self.lanes * terms
            wide = group.size * self.lanes * terms
            part = stepped[:, first : first + group.count * wide]
            blocks.append(part.reshape(steps, group.count, wide).swapaxes(0, 1).ravel())
        return np.concatenate(blocks)


@dataclass(frozen=True)
class Blocks:
    """`total` parts in blocks of `size`; the last block may hold fewer."""

    total: int
    size: int

    @property
    def count(self) -> int:
        return -(-self.total // self.size)


@dataclass(frozen=True)
class Grid:
    """The outermost loop of a product: blocks of rows times blocks of panels."""

    rows: Blocks
    panels: Blocks

    @property
    def count(self) -> int:
        return self.rows.count * self.panels.count


def choose_grid(
    target: CpuTarget,
    rows: int,
    row_bytes: int,
    panels: int,
    panel_bytes: int,
    share: float = 0.5,
) -> Grid:
    """Blocks whose input stays in the second-level cache while every panel passes over it.

    It may fill a `share` of that cache. With several threads all get the same number of blocks,
    of rows or, where the weights outweigh the input, of panels.
    """
    fitting = max(1, int(target.l2_bytes * share) // row_bytes)
    if target.threads == 1:
        return Grid(Blocks(rows, -(-rows // -(-rows // fitting))), Blocks(panels, panels))
    if panels >= 4 * target.threads and panels * panel_bytes > rows * row_bytes:
        return Grid(Blocks(rows, rows), Blocks(panels, -(-panels // target.threads)))
    waves = -(-rows // (fitting * target.threads))
    size = -(-rows // (waves * target.threads))
    return Grid(Blocks(rows, size), Blocks(panels, panels))
