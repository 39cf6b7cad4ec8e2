"""Whether a precision problem makes sense, before anything is solved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite, isnan

from graphopt.errors import PrecisionError
from graphopt.solver.precision.problem import FORMATS, Group, Limit, Problem

# Sums of a few thousand of these, and their squares, are still floats.
LARGEST = 1e100


def check(problem: Problem) -> None:
    """Refuse a problem that has no meaning.

    Raises:
        PrecisionError: a group without choices, a name given twice or not known, a format that a
            pinned group does not offer, or a number that is NaN, negative or above 1e100.
    """
    _unique("groups", (group.name for group in problem.groups))
    _unique("limits", (limit.name for limit in problem.limits))
    groups = {group.name: group for group in problem.groups}
    for group in problem.groups:
        _check_group(group)
    for limit in problem.limits:
        _check_limit(limit, groups)
    for names in problem.equal:
        for name in sorted(names):
            _known("equal groups", name, groups)
    for name, format in problem.pinned.items():
        _known("pinned formats", name, groups)
        _offers(groups[name], format)
    if problem.max_formats is not None and problem.max_formats < 1:
        raise PrecisionError(
            "max_formats", f"expected at least 1 format, found {problem.max_formats}"
        )


def _check_group(group: Group) -> None:
    where = f"group {group.name}"
    if not group.choices:
        raise PrecisionError(where, "choices: expected at least one format, found none")
    _unique(f"{where}: formats", (choice.format for choice in group.choices))
    for choice in group.choices:
        _number(f"{where}: loss in {choice.format}", choice.loss)
        for name, cost in choice.costs.items():
            _number(f"{where}: {name} in {choice.format}", cost)


def _check_limit(limit: Limit, groups: dict[str, Group]) -> None:
    where = f"limit {limit.name}"
    if limit.name == FORMATS:
        raise PrecisionError(where, "expected another name: this one stands for max_formats")
    if isnan(limit.at_most):
        raise PrecisionError(where, "expected a number, found nan")
    if not any(limit.summed in c.costs for group in groups.values() for c in group.choices):
        named = sorted({name for g in groups.values() for c in g.choices for name in c.costs})
        raise PrecisionError(
            where,
            f"expected a cost of some choice, found {limit.summed!r}",
            f"the choices name {', '.join(named)}" if named else "no choice names any cost",
        )
    for number, row in enumerate(limit.rows):
        _number(f"{where}: fixed part of row {number}", row.fixed)
        for name, amount in row.amounts.items():
            _known(f"{where}: row {number}", name, groups)
            _number(f"{where}: amount of {name} in row {number}", amount)


def _number(where: str, number: float) -> None:
    if not isfinite(number) or not 0 <= number <= LARGEST:
        raise PrecisionError(where, f"expected a number from 0 to {LARGEST:g}, found {number}")


def _unique(where: str, names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise PrecisionError(where, f"expected each name once, found {name!r} {times} times")


def _known(where: str, name: str, groups: dict[str, Group]) -> None:
    if name not in groups:
        close = get_close_matches(name, groups, n=3) or sorted(groups)[:3]
        raise PrecisionError(
            where,
            f"expected the name of a group, found {name!r}",
            f"nearest of {len(groups)}: {', '.join(close)}" if close else "there are no groups",
        )


def _offers(group: Group, format: str) -> None:
    offered = [choice.format for choice in group.choices]
    if format not in offered:
        raise PrecisionError(
            f"group {group.name}",
            f"pinned format: expected one of {', '.join(offered)}, found {format!r}",
        )
