"""Plans against brute force: never invalid, never above the optimum, never a false bound."""

from __future__ import annotations

from hypothesis import given, settings

from graphopt.solver.memory import Problem, check_plan, plan_memory

from .problems import problems, smallest_peak


@settings(max_examples=300, deadline=None)
@given(problems())
def test_the_plan_is_the_best_of_all_orders_and_offsets(problem: Problem) -> None:
    plan = plan_memory(problem)
    check_plan(problem, plan)
    assert plan.optimal
    assert plan.peak == smallest_peak(problem)


@settings(max_examples=150, deadline=None)
@given(problems(max_bytes=9, unit=4, max_steps=3))
def test_alignment_rounds_sizes_up_and_distances_down(problem: Problem) -> None:
    plan = plan_memory(problem)
    check_plan(problem, plan)
    assert plan.optimal
    assert plan.peak == smallest_peak(problem)


@settings(max_examples=200, deadline=None)
@given(problems())
def test_a_given_order_is_kept_and_gets_the_best_offsets(problem: Problem) -> None:
    plan = plan_memory(problem, fixed_order=True)
    check_plan(problem, plan)
    assert plan.order == tuple(range(len(problem.steps)))
    assert plan.peak == plan.lower_bound == smallest_peak(problem, fixed_order=True)


@settings(max_examples=100, deadline=None)
@given(problems())
def test_without_effort_the_bound_is_still_a_bound(problem: Problem) -> None:
    plan = plan_memory(problem, effort=0.0)
    check_plan(problem, plan)
    assert plan.lower_bound <= smallest_peak(problem) <= plan.peak
