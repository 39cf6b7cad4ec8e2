"""Which items must lie apart, and what may excuse them from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from graphopt.solver.memory.order import ancestors
from graphopt.solver.memory.table import Sharing, Table

Before = tuple[int, int]
"""A step and one that it runs before."""
Range = tuple[int, int]
"""The first and the last position in an order; -1 is before it, the number of steps after it."""


@dataclass(frozen=True)
class Excuse:
    """Why two items need not lie apart: `conditions` hold, all of them.

    They are then never live together; or, with `sharing`, the second may share addresses with the
    first as `sharing` says.
    """

    conditions: tuple[Before, ...]
    sharing: Sharing | None = None


@dataclass(frozen=True)
class Conflict:
    """Two items that may be live together. With an unconditional excuse there is no other."""

    first: int
    second: int
    excuses: tuple[Excuse, ...] = ()


def live_ranges(table: Table, order: Sequence[int]) -> list[Range]:
    """By item, when it is live if the steps run in `order`."""
    position = {step: at for at, step in enumerate(order)}
    return [_range(table, item, position) for item in range(len(table.sizes))]


def conflicts_in(table: Table, ranges: Sequence[Range]) -> list[Conflict]:
    """The conflicts between items that are live in `ranges`."""
    items = sorted((i for i, size in enumerate(table.sizes) if size), key=lambda i: ranges[i])
    found: list[Conflict] = []
    live: list[int] = []
    for b in items:
        first = ranges[b][0]
        live = [a for a in live if ranges[a][1] >= first]
        for a in live:
            shared = table.sharing.get((a, b)) if ranges[a][1] == first else None
            found.append(Conflict(a, b, (Excuse((), shared),) if shared else ()))
        live.append(b)
    return found


def _range(table: Table, item: int, position: dict[int, int]) -> Range:
    writer = table.writers[item]
    end = len(position)
    first = position[writer] if writer is not None else -1 if table.entering[item] else end
    if table.leaving[item]:
        return first, end
    return first, max([first, *(position[step] for step in table.read_by(item))])


def conflicts_of(table: Table) -> list[Conflict]:
    """The conflicts when the order is free; conditions name only what precedence leaves open."""
    always = ancestors(table)

    def before(u: int, v: int) -> bool | None:
        if always[v] >> u & 1:
            return True
        return False if u == v or always[u] >> v & 1 else None

    found: list[Conflict] = []
    items = [i for i, size in enumerate(table.sizes) if size]
    for a, b in combinations(items, 2):
        pairs = [(a, b), (b, a)]
        excuses = [e for x, y in pairs if (e := _over(table, x, y, before)) is not None]
        if any(not each.conditions for each in excuses):
            continue
        for x, y in pairs:
            shared = _shared(table, x, y, before)
            if shared is not None:
                found.append(Conflict(x, y, (*excuses, shared)))
                break
        else:
            found.append(Conflict(a, b, tuple(excuses)))
    return found


Answer = Callable[[int, int], bool | None]


def _over(table: Table, a: int, b: int, before: Answer) -> Excuse | None:
    """The excuse that all that needs `a` runs before `b` is written."""
    if table.leaving[a] or table.entering[b]:
        return None
    start = table.writers[b]
    if start is None:
        return Excuse(())
    needs = table.read_by(a)
    writer = table.writers[a]
    return _when(
        [(step, start) for step in (*needs, *([] if writer is None else [writer]))], before
    )


def _shared(table: Table, a: int, b: int, before: Answer) -> Excuse | None:
    """The excuse that `a` dies as `b` is written, which the step permits."""
    if (a, b) not in table.sharing or table.leaving[a]:
        return None
    step = table.writers[b]
    assert step is not None
    others = [(reader, step) for reader in table.read_by(a) if reader != step]
    excuse = _when(others, before)
    return Excuse(excuse.conditions, table.sharing[a, b]) if excuse is not None else None


def _when(orders: list[Before], before: Answer) -> Excuse | None:
    answers = [(each, before(*each)) for each in orders]
    if any(answer is False for _, answer in answers):
        return None
    return Excuse(tuple(each for each, answer in answers if answer is None))
