"""Solve the precision program: relax it, then search and enumerate near the relaxation."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import fsum

import numpy as np

from graphopt.errors import BudgetError
from graphopt.ir import Array
from graphopt.solver.precision.check import check
from graphopt.solver.precision.conflict import explain
from graphopt.solver.precision.enumeration import enumerate_near
from graphopt.solver.precision.problem import FORMATS, Assignment, Problem, costs_of, loss_of
from graphopt.solver.precision.relaxation import Relaxation, relax
from graphopt.solver.precision.search import Found, Infeasible, search
from graphopt.solver.precision.table import Table, tabulate

# Alternatives to the relaxation's own options in the first search; more take longer to search and
# hold a better first assignment.
CORE = 60
# The parts of the effort that the searches get; an enumeration follows each but the first. It needs
# a good assignment, so it takes over when CP-SAT does not prove one soon.
FIRST, NEXT = 0.1, (0.1, 0.2, 0.6)
# The scale of the linear program is renewed when the stake falls this many times.
RESCALE = 1000


def solve(problem: Problem, effort: float = 1.5) -> Assignment:
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
        found = _optimum(table, effort)
    except Infeasible:
        raise explain(problem, effort) from None
    formats = table.formats_by_group(problem, found.options)
    loss = loss_of(problem, formats)
    return Assignment(
        formats=formats,
        loss=loss,
        bound=loss if found.proven else min(found.bound, loss),
        costs=costs_of(problem, formats),
        binding=_binding(problem, table, found.options),
    )


def _optimum(table: Table, effort: float) -> Found:
    """The best assignment, or a good one with a bound.

    The linear solver works with tolerances. As long as an assignment shows that far less is at
    stake than was thought, the relaxation is computed again at the smaller scale.
    """
    least = fsum(table.least(table.loss))
    stake = fsum(table.most(table.loss)) - least
    while True:
        relaxation = relax(table, stake)
        found = _first(table, relaxation, effort)
        before, stake = stake, table.total(found.options) - least
        if not 0 < stake * RESCALE <= before:
            break
    for part in NEXT:
        better = relaxation.excess <= table.total(found.options) - relaxation.bound
        better[list(found.options)] = True
        found = search(table, better, part * effort, found.options) or found
        if found.proven:
            return found
        options = enumerate_near(table, relaxation, found.options)
        if options is not None:
            return Found(options, relaxation.bound, True)
    return replace(found, bound=max(found.bound, relaxation.bound))


def _first(table: Table, relaxation: Relaxation, effort: float) -> Found:
    """A good assignment: the best of a small core near the relaxation, else of all options."""
    found: Found | None = None
    alternatives = np.sort(relaxation.excess)[len(table.classes) :]
    if len(alternatives) > CORE:
        with suppress(Infeasible):
            found = search(table, relaxation.excess <= alternatives[CORE - 1], FIRST * effort)
    everything = np.ones(len(table.loss), bool)
    found = found or search(table, everything, FIRST * effort) or search(table, everything, effort)
    if found is None:
        raise BudgetError(
            "precision",
            f"expected an assignment within every limit, found none with an effort of {effort:g}",
            "raise the effort or a limit",
        )
    # Not yet: the core leaves options out, and the scale of the losses is coarse.
    return replace(found, bound=relaxation.bound, proven=False)


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
