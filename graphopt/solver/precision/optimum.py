"""Solve the precision program: relax, search near the relaxation, then prove."""

from __future__ import annotations

from math import fsum

import numpy as np

from graphopt.errors import BudgetError
from graphopt.ir import Array
from graphopt.solver.precision.check import check
from graphopt.solver.precision.conflict import explain
from graphopt.solver.precision.problem import FORMATS, Assignment, Problem, costs_of, loss_of
from graphopt.solver.precision.relaxation import Relaxation, relax
from graphopt.solver.precision.search import Found, Infeasible, search
from graphopt.solver.precision.table import Table, tabulate

# Alternatives to the relaxation's own options in the first search; more take longer to search and
# hold a better first assignment.
CORE = 60
RESCALE = 1000


def solve(problem: Problem, effort: float = 3.0) -> Assignment:
    """The assignment of least predicted loss within every limit.

    An integer program, as in HAWQ-V3 (Yao et al. 2021, arXiv 2011.10680, section 3.4), with any
    number of formats and limits. The prices of the linear relaxation rule out most options first:
    one whose excess over the bound is above the loss of a known assignment is in no better one.

    Limits are held exactly where costs and amounts are integers, and where they are not up to
    2^-49 of the limit for each group. Losses are compared up to 1e-12 of what is at stake (the
    loss found minus the smallest that ignores the limits); among equal ones the assignment with the
    smallest sum of positions in the groups' lists of choices is taken. Equal problems get
    equal answers.

    Args:
        effort: how long to search for a proof, in CP-SAT's deterministic seconds; without a proof
            the best assignment found is returned with its bound.

    Raises:
        PrecisionError: the problem has no meaning (see `check`), or equal groups have no format in
            common.
        BudgetError: no assignment holds every limit, or none was found.
    """
    check(problem)
    table = tabulate(problem)
    if not table.classes:
        return Assignment({}, 0.0, 0.0, costs_of(problem, {}))
    try:
        relaxation, first = _near(table, effort)
        better = relaxation.excess <= table.total(first.options) - relaxation.bound
        better[list(first.options)] = True
        found = search(table, better, effort, first.options) or first
    except Infeasible:
        raise explain(problem, effort) from None
    formats = table.formats_by_group(problem, found.options)
    loss = loss_of(problem, formats)
    bound = max(found.bound, relaxation.bound)
    return Assignment(
        formats=formats,
        loss=loss,
        bound=loss if found.proven else min(bound, loss),
        costs=costs_of(problem, formats),
        binding=_binding(problem, table, found.options),
    )


def _near(table: Table, effort: float) -> tuple[Relaxation, Found]:
    """A relaxation, and a good assignment near it.

    The linear solver works with tolerances: as long as the assignment shows that far less is at
    stake than was thought, both are computed again at the smaller scale.
    """
    stake = fsum(table.most(table.loss)) - fsum(table.least(table.loss))
    best: Found | None = None
    while True:
        relaxation = relax(table, stake)
        found = _first(table, relaxation, effort)
        if best is None or table.total(found.options) < table.total(best.options):
            best = found
        before, stake = stake, table.total(best.options) - fsum(table.least(table.loss))
        if not 0 < stake * RESCALE <= before:
            return relaxation, best


def _first(table: Table, relaxation: Relaxation, effort: float) -> Found:
    """A good assignment: the best of a small core near the relaxation, else of all options."""
    alternatives = np.sort(relaxation.excess)[len(table.classes) :]
    if len(alternatives) > CORE:
        core = relaxation.excess <= alternatives[CORE - 1]
        try:
            found = search(table, core, effort / 10)
        except Infeasible:
            found = None
        if found is not None:
            return found
    everything = np.ones(len(table.loss), bool)
    found = search(table, everything, effort / 10) or search(table, everything, effort)
    if found is None:
        raise BudgetError(
            "precision",
            f"expected an assignment within every limit, found none with an effort of {effort:g}",
            "raise the effort or a limit",
        )
    return found


def _binding(problem: Problem, table: Table, options: tuple[int, ...]) -> tuple[str, ...]:
    """The limits that a change of one class to a smaller loss would break."""
    taken = np.array(options)
    better = np.flatnonzero(table.loss < table.loss[taken][table.owner])
    change = table.rows[:, better] - table.rows[:, taken[table.owner[better]]]
    used = table.rows[:, taken].sum(1, keepdims=True)
    broken = (used + change > table.room[:, None]).any(1)
    names = {problem.limits[limit].name for limit, b in zip(table.limits, broken, strict=True) if b}
    if table.max_formats is not None and _too_many_formats(table, taken, better):
        names.add(FORMATS)
    return tuple(
        name for name in (*(limit.name for limit in problem.limits), FORMATS) if name in names
    )


def _too_many_formats(table: Table, taken: Array, better: Array) -> bool:
    for option in better:
        changed = taken.copy()
        changed[table.owner[option]] = option
        if len({table.formats[each] for each in changed}) > (table.max_formats or 0):
            return True
    return False
