"""The precision program near its relaxation: every assignment there, met in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np

from graphopt.ir import Array
from graphopt.solver.precision.relaxation import Relaxation
from graphopt.solver.precision.search import weigh
from graphopt.solver.precision.table import Table

# How much may be listed and matched; with more, CP-SAT is faster.
MOST_PARTS = 500_000
MOST_SUMS = 5_000_000
MOST_PAIRS = 300_000_000


class TooMany(Exception):
    """There are too many assignments to enumerate."""


def enumerate_near(
    table: Table, relaxation: Relaxation, known: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The assignment of least loss, given a good one; None if there are too many to go through.

    The excesses of an assignment's options sum up to at most the distance of its loss from the
    relaxation's bound, so all that can be better than `known` have a small sum. Each of these
    consists of two parts, for either half of the classes: the parts are listed by rising excess and
    matched (Horowitz and Sahni 1974, "Computing partitions with applications to the knapsack
    problem").
    """
    if table.max_formats is not None:
        return None
    within = table.total(known) - relaxation.bound
    weights = weigh(table, table.total(known) - fsum(table.least(table.loss)))
    near = relaxation.excess <= within
    # The classes without an alternative come first, those with the nearest ones last.
    order = np.argsort(-table.least(np.where(relaxation.excess > 0, relaxation.excess, np.inf)))
    turn = np.arange(len(order)) % 4
    one, other = order[(turn == 0) | (turn == 3)], order[(turn == 1) | (turn == 2)]
    rest = table.least(np.where(near, table.rows, np.iinfo(np.int64).max))
    try:
        a, b = (
            _parts(table, relaxation.excess, weights.of, mine, within, table.room - least)
            for mine, least in ((one, rest[:, other].sum(1)), (other, rest[:, one].sum(1)))
        )
        pair = _match(a, b, within, table.room, int(weights.of[list(known)].sum()))
    except TooMany:
        return None
    if pair is None:
        return known
    return tuple(sorted((*a.options(pair[0]), *b.options(pair[1]))))


@dataclass(frozen=True)
class _Parts:
    """Options for half of the classes, by rising excess.

    Attributes:
        excess: [parts], summed over the options.
        weight: [parts], i64, the same.
        rows: [rows, parts], i64, the same.
        index: [parts], where the part stands in the last of the steps.
        steps: per class, the option taken and where the part without it stands one step before.
    """

    excess: Array
    weight: Array
    rows: Array
    index: Array
    steps: tuple[tuple[Array, Array], ...]

    def options(self, part: int) -> list[int]:
        """The options of one part."""
        at, options = self.index[part], []
        for taken, before in reversed(self.steps):
            options.append(int(taken[at]))
            at = before[at]
        return options


def _parts(
    table: Table, excess: Array, weight: Array, classes: Array, within: float, room: Array
) -> _Parts:
    """All parts for some classes with a summed excess up to `within` and rows up to `room`.

    Raises:
        TooMany: there are.
    """
    most = min(MOST_PARTS, MOST_SUMS // (len(table.rows) + 1))
    owner = table.owner
    sums, weights = np.zeros(1), np.zeros(1, np.int64)
    rows = np.zeros((len(table.rows), 1), np.int64)
    steps = []
    for number in classes:
        offered = np.flatnonzero((owner == number) & (excess <= within))
        kept = [np.flatnonzero(sums + excess[option] <= within) for option in offered]
        if sum(map(len, kept)) > most:
            raise TooMany
        taken = np.repeat(offered, [len(each) for each in kept])
        before = np.concatenate(kept)
        sums = sums[before] + excess[taken]
        weights = weights[before] + weight[taken]
        rows = rows[:, before] + table.rows[:, taken]
        steps.append((taken, before))
    fits = np.flatnonzero((rows <= room[:, None]).all(0))
    fits = fits[np.argsort(sums[fits], kind="stable")]
    return _Parts(sums[fits], weights[fits], rows[:, fits], fits, tuple(steps))


def _match(
    one: _Parts, other: _Parts, within: float, room: Array, most: int
) -> tuple[int, int] | None:
    """The pair of parts of least weight, below `most`, that stays within every room.

    Raises:
        TooMany: there are too many pairs with a summed excess up to `within`.
    """
    if len(one.excess) > len(other.excess):
        pair = _match(other, one, within, room, most)
        return pair and (pair[1], pair[0])
    ends = np.searchsorted(other.excess, within - one.excess, side="right")
    if ends.sum() > MOST_PAIRS:
        raise TooMany
    best: tuple[int, int] | None = None
    for index, end in enumerate(ends):
        fits = np.flatnonzero(other.weight[:end] < most - one.weight[index])
        for row, left in zip(other.rows, room - one.rows[:, index], strict=True):
            if not fits.size:
                break
            fits = fits[row[fits] <= left]
        if fits.size:
            best = index, int(fits[np.argmin(other.weight[fits])])
            most = int(one.weight[index] + other.weight[best[1]])
    return best
