"""What a limit of a precision problem can reach."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import fsum, inf

import numpy as np

from graphopt.solver.precision.problem import FORMATS, Limit, Problem, Row, costs_of
from graphopt.solver.precision.search import Infeasible, Program, program
from graphopt.solver.precision.table import Table, tabulate


def can_hold(problem: Problem, names: Collection[str], effort: float) -> bool:
    """Whether the limits called `names` can be held together; also if `effort` does not tell."""
    table = tabulate(_only(problem, names))
    try:
        program(table, np.ones(len(table.loss), bool)).solve(effort)
    except Infeasible:
        return False
    return True


def smallest(problem: Problem, name: str, others: Collection[str], effort: float) -> float:
    """The smallest value of one limit while the limits called `others` hold.

    It is proven to be the smallest if `effort` suffices, and infinite if nothing is found.

    Raises:
        Infeasible: the others cannot be held.
    """
    held = _only(problem, others)
    if name == FORMATS:
        held = replace(held, max_formats=len({c.format for g in problem.groups for c in g.choices}))
    else:
        limit = next(limit for limit in problem.limits if limit.name == name)
        wide = replace(limit, at_most=_largest(problem, limit))
        held = replace(held, limits=(wide, *held.limits))
    table = tabulate(held)
    asked = program(table, np.ones(len(table.loss), bool))
    if name == FORMATS:
        asked.model.minimize(sum(asked.used.values()))
    else:
        _minimize_peak(asked, table)
    found = asked.solve(effort)
    if found is None:
        return inf
    formats = table.formats_by_group(problem, found.options)
    if name == FORMATS:
        return len(set(formats.values()))
    return costs_of(problem, formats)[name]


def _minimize_peak(asked: Program, table: Table) -> None:
    """Minimize the largest sum among the rows of the first limit."""
    rows = [index for index, limit in enumerate(table.limits) if limit == 0]
    widest = max(int(table.room[row]) for row in rows)
    peak = asked.model.new_int_var(0, widest, "")
    for row in rows:
        asked.model.add(asked.sum(table.rows[row]) + widest - int(table.room[row]) <= peak)
    asked.model.minimize(peak)


def _largest(problem: Problem, limit: Limit) -> float:
    """A value of the limit that no assignment exceeds."""
    dearest = {
        group.name: max(choice.costs.get(limit.summed, 0.0) for choice in group.choices)
        for group in problem.groups
    }
    rows = limit.rows or (Row(dict.fromkeys(dearest, 1.0)),)
    return max(fsum([r.fixed, *(a * dearest[g] for g, a in r.amounts.items())]) for r in rows)


def _only(problem: Problem, names: Collection[str]) -> Problem:
    return replace(
        problem,
        limits=tuple(limit for limit in problem.limits if limit.name in names),
        max_formats=problem.max_formats if FORMATS in names else None,
    )
