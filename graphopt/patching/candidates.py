"""Regions to choose from: every range of nodes, in forms that may pay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from graphopt.patching.estimate import Estimate, Estimator, Form

HEIGHTS = (1, 2, 4, 8)
# For graphs of so few nodes, all sets of values that may be computed again are tried.
FEW = 8


Forms = Callable[[Estimator, int], Iterator[Form]]


@dataclass
class Candidates:
    """The ways to run each range of nodes of which no other one is better in everything.

    Attributes:
        ways: by first node and end.
        most: bytes of memory beyond which nothing is of interest.
    """

    estimator: Estimator
    most: float = math.inf
    ways: dict[tuple[int, int], list[Estimate]] = field(
        default_factory=dict[tuple[int, int], list[Estimate]]
    )
    tried: set[tuple[int, Form]] = field(default_factory=set[tuple[int, Form]])

    def all(self) -> list[Estimate]:
        return [each for ways in self.ways.values() for each in ways]

    def add_whole(self) -> None:
        """Every node by itself, as without a plan."""
        for at in range(len(self.estimator.nodes)):
            estimate = self.estimator.whole(at)
            if estimate is not None:
                self._add(estimate)

    def add(self, forms: Forms, ends: Iterable[int]) -> None:
        """Regions that end before some of the nodes, in the forms that `forms` gives for an end."""
        for end in ends:
            if self.estimator.starts[end - 1] >= end:
                continue
            for form in forms(self.estimator, end):
                if (end, form) not in self.tried:
                    self.tried.add((end, form))
                    for estimate in self.estimator.regions(end, form, self.most):
                        self._add(estimate)

    def _add(self, new: Estimate) -> None:
        if new.memory > self.most:
            return
        ways = self.ways.setdefault((new.first, new.end), [])
        if any(_beats(each, new) for each in ways):
            return
        ways[:] = [each for each in ways if not _beats(new, each)]
        ways.append(new)


def _beats(one: Estimate, other: Estimate) -> bool:
    return one.memory <= other.memory and one.work <= other.work and one.macs <= other.macs


def lines(estimator: Estimator, end: int) -> Iterator[Form]:
    """Line buffers as wide as the maps: nothing is computed twice."""
    height, _ = _size(estimator, end)
    for rows in HEIGHTS:
        if rows == 1 or rows <= height // 2:
            yield Form((rows, 0), rows)


def strips(estimator: Estimator, end: int) -> Iterator[Form]:
    """Line buffers in strips of columns, whose halos are computed again."""
    _, width = _size(estimator, end)
    for columns in _divisions(width):
        yield Form((1, columns), 1)


def grids(estimator: Estimator, end: int) -> Iterator[Form]:
    """Patches whose halos are computed again (MCUNetV2, arXiv 2110.15352)."""
    height, width = _size(estimator, end)
    everything = frozenset(range(estimator.starts[end - 1], end - 1))
    for parts in (2, 4, 8):
        rows, columns = -(-height // parts), -(-width // parts)
        if rows < height and columns < width:
            yield Form((rows, columns), rows, everything)


def mixed(estimator: Estimator, end: int) -> Iterator[Form]:
    """Lines in which some values are computed again for each row.

    Those whose buffers hold most for what computing them again costs come first. In regions of few
    nodes all sets are tried.
    """
    plain = Form((1, 0), 1)
    start = estimator.starts[end - 1]
    run = estimator.run(start, end, plain)
    gains: list[tuple[float, int]] = []
    for at in range(start, end - 1):
        node = estimator.nodes[at]
        uses = [run.uses[value] for value in node.outputs]
        if any(estimator.leaves(v, end) for v in node.outputs) or not uses[0].carried:
            continue
        held = sum(
            use.capacity * value.type.nbytes / value.type.dims[1]
            for use, value in zip(uses, node.outputs, strict=True)
        )
        gains.append(((node.macs + 1) * uses[0].capacity / held, at))
    order = [at for _, at in sorted(gains)]
    if end - start <= FEW:
        for size in range(1, len(order) + 1):
            for chosen in combinations(order, size):
                yield replace(plain, again=frozenset(chosen))
        return
    for size in sorted({*(1, 2, 3, 5, 8), len(order)}):
        if size <= len(order):
            yield replace(plain, again=frozenset(order[:size]))


def _size(estimator: Estimator, end: int) -> tuple[int, int]:
    _, height, width, _ = estimator.kernels.maps[estimator.nodes[end - 1]].type.dims
    return height, width


def _divisions(size: int) -> Iterator[int]:
    """Sizes of parts: a half, a third, a quarter, an eighth and so on, down to 1."""
    seen: set[int] = set()
    for parts in (2, 3, 4, 8, 16, 32, size):
        part = -(-size // parts)
        if part < size and part not in seen:
            seen.add(part)
            yield part
