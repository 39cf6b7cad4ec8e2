"""The plan: a bound from the order alone, offsets that meet it, and proof where they cannot."""

from __future__ import annotations

from graphopt.solver.memory.check import check_problem
from graphopt.solver.memory.conflicts import conflicts_in, conflicts_of, live_ranges
from graphopt.solver.memory.greedy import greedy_offsets, peak_of
from graphopt.solver.memory.order import best_order, given_order, has_choice
from graphopt.solver.memory.problem import MemoryPlan, Problem
from graphopt.solver.memory.program import search
from graphopt.solver.memory.table import tabulate

MAX_FREE_ITEMS = 400
# Beyond a fraction of the work that offsets get, a free order hardly pays.
FREE_SHARE = 0.25


def plan_memory(problem: Problem, fixed_order: bool = False, effort: float = 2.0) -> MemoryPlan:
    """Order the steps and place buffers and scratch so that the peak is small.

    First comes the order under which the fewest bytes are live at once; that figure is a lower
    bound. Offsets for this order are found greedily, then by CP-SAT, which stops where it meets
    the bound. What is left open after that, CP-SAT decides over order and offsets together.

    Args:
        fixed_order: the steps run as they stand.
        effort: deterministic work of each call of CP-SAT, about seconds: equal input, equal plan.

    Raises:
        MemoryPlanError: the problem has no meaning.
    """
    check_problem(problem)
    table = tabulate(problem)
    order = given_order(table) if fixed_order else best_order(table)
    steps, bound = order.steps, order.bound
    ranges = live_ranges(table, steps)
    conflicts = conflicts_in(table, ranges)
    offsets = greedy_offsets(table, conflicts, bound)
    found = search(table, conflicts, ranges, offsets, order.live, peak_of(table, offsets), effort)
    offsets = offsets if found.offsets is None else found.offsets
    peak = peak_of(table, offsets)
    if fixed_order or not has_choice(table):
        bound = max(bound, found.bound)
    elif bound < peak and len(table.sizes) <= MAX_FREE_ITEMS:
        share = FREE_SHARE * effort
        found = search(table, conflicts_of(table), None, offsets, bound, peak, share)
        bound = found.bound
        if found.offsets is not None:
            steps, offsets = found.order, found.offsets
            peak = peak_of(table, offsets)
    unit = problem.alignment
    buffers = len(problem.buffers)
    return MemoryPlan(
        steps,
        tuple(offset * unit for offset in offsets[:buffers]),
        tuple(
            offsets[table.scratch[step]] * unit if step in table.scratch else 0
            for step in range(table.steps)
        ),
        peak * unit,
        min(bound, peak) * unit,
    )
