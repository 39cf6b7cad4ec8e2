"""Offsets one item after the other: a plan to start from, often already the best."""

from __future__ import annotations

from collections.abc import Sequence

from graphopt.solver.memory.conflicts import Conflict
from graphopt.solver.memory.table import Table

Span = tuple[int, int]
"""Lowest and highest of consecutive offsets."""


def greedy_offsets(table: Table, conflicts: Sequence[Conflict], enough: int) -> tuple[int, ...]:
    """Offsets of a low peak, in units; the first plan of at most `enough` is taken.

    Items are placed largest first or longest-lived first, each in the tightest gap or in the
    lowest one. Only unconditional excuses count.
    """
    forbidden = _forbidden(table, conflicts)
    degree = [len(each) for each in forbidden]
    best: tuple[int, ...] | None = None
    for rank in (
        lambda i: (-table.sizes[i], i),
        lambda i: (-table.sizes[i] * (degree[i] + 1), i),
        lambda i: (-degree[i], -table.sizes[i], i),
    ):
        order = sorted(range(len(table.sizes)), key=rank)
        for lowest in (False, True):
            offsets = _place(order, forbidden, lowest)
            if best is None or peak_of(table, offsets) < peak_of(table, best):
                best = offsets
            if peak_of(table, best) <= enough:
                return best
    assert best is not None
    return best


def peak_of(table: Table, offsets: Sequence[int]) -> int:
    """Units up to the end of the highest item."""
    return max((o + s for o, s in zip(offsets, table.sizes, strict=True)), default=0)


Forbidden = list[list[tuple[int, list[Span]]]]
"""By item, for each other one it must heed: by how much the item may not start after that one."""


def _forbidden(table: Table, conflicts: Sequence[Conflict]) -> Forbidden:
    found: Forbidden = [[] for _ in table.sizes]
    for conflict in conflicts:
        a, b = conflict.first, conflict.second
        shared = next((e.sharing for e in conflict.excuses if not e.conditions), None)
        low = (-table.sizes[b] if shared is None else shared.most) + 1
        high = table.sizes[a] - 1
        spans = [(low, high)]
        if shared is not None and shared.inplace and low <= 0:
            spans = [(low, -1), (1, high)]
        found[b].append((a, [s for s in spans if s[0] <= s[1]]))
        found[a].append((b, [(-e, -s) for s, e in spans if s <= e]))
    return found


def _place(order: Sequence[int], forbidden: Forbidden, lowest: bool) -> tuple[int, ...]:
    offsets: dict[int, int] = {}
    for item in order:
        taken = sorted(
            (offsets[other] + low, offsets[other] + high)
            for other, spans in forbidden[item]
            if other in offsets
            for low, high in spans
        )
        offsets[item] = _choose(taken, lowest)
    return tuple(offsets[item] for item in range(len(order)))


def _choose(taken: Sequence[Span], lowest: bool) -> int:
    """A free offset: the first of the lowest gap, or of the tightest one."""
    best: tuple[int, int] | None = None
    free = 0
    for low, high in taken:
        if low > free and (best is None or low - free < best[0]):
            if lowest:
                return free
            best = (low - free, free)
        free = max(free, high + 1)
    return best[1] if best is not None else free
