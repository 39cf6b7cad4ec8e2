"""The order of steps under which the fewest units are live at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from graphopt.solver.memory.table import Table, members

MAX_STATES = 20_000
BEAM = 100


@dataclass(frozen=True)
class Order:
    """Steps in the order in which they run, and the most units live at once.

    No order that was free to choose has less than `bound` live at once.
    """

    steps: tuple[int, ...]
    live: int
    bound: int


@dataclass(frozen=True)
class Continuation:
    """A step that may come next; `needed` and `growth` as in `Table.growth`."""

    step: int
    needed: int
    growth: int


@dataclass(frozen=True)
class State:
    """What is left after some steps: those done, those that may come next, the units live."""

    done: int
    ready: tuple[int, ...]
    live: int

    def continuations(self, table: Table) -> list[Continuation]:
        """Every step that may come next, the one after which least is live first."""
        found = [Continuation(step, *table.growth(step, self.done)) for step in self.ready]
        return sorted(found, key=lambda each: (each.growth, each.step))

    def after(self, table: Table, taken: Continuation) -> State:
        done = self.done | 1 << taken.step
        ready = [step for step in self.ready if step != taken.step]
        ready += [s for s in table.following[taken.step] if not table.preceding[s] & ~done]
        return State(done, tuple(ready), self.live + taken.growth)


def given_order(table: Table) -> Order:
    """The steps as they stand."""
    steps = tuple(range(table.steps))
    live = live_units(table, steps)
    return Order(steps, live, live)


def best_order(table: Table, max_states: int = MAX_STATES) -> Order:
    """The order of least `live_units`, by best-first search over sets of executed steps.

    The key of a set is the least, over all ways to it, of the most units live on the way. The set
    with the smallest key is continued first, so that no order is below the key in hand. After
    `max_states` sets the answer is the best of the given order and of some that keep few live; of
    equals, the given one.
    """
    best, floor = tuple(range(table.steps)), _floor(table)
    limit = live_units(table, best)
    for width in (1, BEAM):
        if limit > floor:
            found = _beam(table, width)
            limit, best = min((limit, best), (live_units(table, found), found), key=lambda o: o[0])
    ticket = count()
    queue = [(floor, 0, next(ticket), _start(table))]
    keys, came = {0: floor}, dict[int, tuple[int, int]]()
    while queue and queue[0][0] < limit:
        key, depth, number, state = heappop(queue)
        if state.done == (1 << table.steps) - 1:
            return Order(_path(came, state.done), key, key)
        if number > max_states:
            return Order(best, limit, key)
        if key > keys[state.done]:
            continue
        for taken in _worth_trying(table, state, key):
            reached, after = max(key, state.live + taken.needed), state.after(table, taken)
            if reached < keys.get(after.done, limit):
                keys[after.done], came[after.done] = reached, (taken.step, state.done)
                heappush(queue, (reached, depth - 1, next(ticket), after))
    return Order(best, limit, limit)


def _worth_trying(table: Table, state: State, key: int) -> list[Continuation]:
    """What may come next; just one step if it fits under the key and leaves no more live.

    Moving such a step to the front of any order makes no other step of that order need more.
    """
    found = state.continuations(table)
    for each in found:
        if each.growth <= 0 and state.live + each.needed <= key:
            return [each]
    return found


def _path(came: dict[int, tuple[int, int]], done: int) -> tuple[int, ...]:
    steps = []
    while done:
        step, done = came[done]
        steps.append(step)
    return tuple(reversed(steps))


def live_units(table: Table, order: Sequence[int]) -> int:
    """The most units live at once, every output sharing as much as its step permits."""
    state = _start(table)
    live, done = state.live, 0
    most = max(_at_entry(table), _at_exit(table))
    for step in order:
        needed, growth = table.growth(step, done)
        most = max(most, live + needed)
        live, done = live + growth, done | 1 << step
    return most


def _beam(table: Table, width: int) -> tuple[int, ...]:
    """An order by the `width` best sets of each size: first those with the lowest peak so far."""
    front = [(_at_entry(table), _start(table), tuple[int, ...]())]
    for _ in range(table.steps):
        reached: dict[int, tuple[int, State, tuple[int, ...]]] = {}
        for key, state, order in front:
            for taken in _worth_trying(table, state, key):
                after, most = state.after(table, taken), max(key, state.live + taken.needed)
                if after.done not in reached or most < reached[after.done][0]:
                    reached[after.done] = most, after, (*order, taken.step)
        front = sorted(reached.values(), key=lambda each: (each[0], each[1].live))[:width]
    return front[0][2]


def _start(table: Table) -> State:
    ready = tuple(step for step, before in enumerate(table.preceding) if not before)
    unread = sum(s for i, s in enumerate(table.sizes) if table.entering[i] and table.dies(i, 0))
    return State(0, ready, _at_entry(table) - unread)


def _at_entry(table: Table) -> int:
    return sum(s for s, there in zip(table.sizes, table.entering, strict=True) if there)


def _at_exit(table: Table) -> int:
    return sum(s for s, there in zip(table.sizes, table.leaving, strict=True) if there)


def _floor(table: Table) -> int:
    """The most that one step needs whatever the order: its own items, and all that must wait."""
    before, after = ancestors(table), descendants(table)
    most = max(_at_entry(table), _at_exit(table))
    for step in range(table.steps):
        own = {*table.reads[step], *table.writes[step]}
        live = sum(
            size
            for item, size in enumerate(table.sizes)
            if item in own
            or (_written(table, item, before[step]) and not table.dies(item, ~after[step]))
        )
        dying = [item for item in table.reads[step] if table.dies(item, ~after[step])]
        most = max(most, live - table.saved(step, dying))
    return most


def _written(table: Table, item: int, steps: int) -> bool:
    writer = table.writers[item]
    return table.entering[item] if writer is None else bool(steps >> writer & 1)


def ancestors(table: Table) -> list[int]:
    """By step, the set of steps that always run before it."""
    found: list[int] = []
    for preceding in table.preceding:
        found.append(preceding)
        for step in members(preceding):
            found[-1] |= found[step]
    return found


def descendants(table: Table) -> list[int]:
    """By step, the set of steps that always run after it."""
    found = [0] * table.steps
    for step in reversed(range(table.steps)):
        for reader in table.following[step]:
            found[step] |= 1 << reader | found[reader]
    return found


def has_choice(table: Table) -> bool:
    """Whether the steps can run in more than one order."""
    everything = (1 << table.steps) - 1
    pairs = zip(ancestors(table), descendants(table), strict=True)
    return any(
        before | after | 1 << step != everything for step, (before, after) in enumerate(pairs)
    )
