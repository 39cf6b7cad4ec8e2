"""The programs for CP-SAT by themselves: from no bound and no plan to the optimum."""

from __future__ import annotations

from hypothesis import given, settings

from graphopt.solver.memory import Buffer, MemoryPlan, Problem, Step, check_plan
from graphopt.solver.memory.conflicts import conflicts_in, conflicts_of, live_ranges
from graphopt.solver.memory.greedy import peak_of
from graphopt.solver.memory.program import Found, search
from graphopt.solver.memory.table import Table, tabulate

from .problems import problems, smallest_peak

EFFORT = 20.0


def assert_optimal(problem: Problem, table: Table, found: Found, best: int) -> None:
    """Units are bytes here."""
    assert found.offsets is not None
    peak = peak_of(table, found.offsets)
    assert peak == found.bound == best
    scratch = [
        found.offsets[table.scratch[step]] if step in table.scratch else 0
        for step in range(table.steps)
    ]
    order = found.order or tuple(range(table.steps))
    offsets = found.offsets[: len(problem.buffers)]
    check_plan(problem, MemoryPlan(order, offsets, tuple(scratch), peak, found.bound))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_a_free_order_and_its_offsets(problem: Problem) -> None:
    table = tabulate(problem)
    limit = sum(table.sizes) + 1
    start = (0,) * len(table.sizes)
    found = search(table, conflicts_of(table), None, start, max(table.sizes), limit, EFFORT)
    assert_optimal(problem, table, found, smallest_peak(problem))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_offsets_in_a_given_order(problem: Problem) -> None:
    table = tabulate(problem)
    ranges = live_ranges(table, range(table.steps))
    limit = sum(table.sizes) + 1
    start = (0,) * len(table.sizes)
    found = search(
        table, conflicts_in(table, ranges), ranges, start, max(table.sizes), limit, EFFORT
    )
    assert_optimal(problem, table, found, smallest_peak(problem, fixed_order=True))


@settings(max_examples=50, deadline=None)
@given(problems())
def test_nothing_below_the_optimum_is_found(problem: Problem) -> None:
    table = tabulate(problem)
    best = smallest_peak(problem)
    start = (0,) * len(table.sizes)
    found = search(table, conflicts_of(table), None, start, max(table.sizes), best, EFFORT)
    assert found == Found(None, (), best)


def test_branches_take_turns_without_breaking_precedence() -> None:
    """Three branches of three steps: at its middle each leaves no room for anything else."""
    sizes = (2, 6, 1)
    buffers = [Buffer("x", 1, at_entry=True, at_exit=True)]
    steps: list[Step] = []
    for branch in range(3):
        last = 0
        for place, size in enumerate(sizes):
            buffers.append(Buffer(f"b{branch}.{place}", size, at_exit=place == len(sizes) - 1))
            steps.append(Step(f"s{branch}.{place}", (last,), (len(buffers) - 1,)))
            last = len(buffers) - 1
    interleaved = (0, 3, 6, 1, 4, 7, 2, 5, 8)
    problem = Problem(tuple(buffers), tuple(steps[i] for i in interleaved), 1)
    table = tabulate(problem)
    found = search(table, conflicts_of(table), None, (0,) * len(table.sizes), 7, 99, EFFORT)
    # In the third branch: x, the results of two, and what its middle reads and writes.
    assert_optimal(problem, table, found, 1 + 2 + 2 + 6)
