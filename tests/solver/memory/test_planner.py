"""Plans against brute force: never invalid, never above the optimum, never a false bound."""

from __future__ import annotations

from hypothesis import given, settings

from graphopt.solver.memory import (
    Buffer,
    MemoryPlan,
    Problem,
    Step,
    check_plan,
    plan_memory,
)

from .problems import problems, smallest_peak


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=100, deadline=None)
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


@settings(max_examples=50, deadline=None)
@given(problems(max_steps=6, max_bytes=40))
def test_equal_problems_get_equal_plans(problem: Problem) -> None:
    assert plan_memory(problem) == plan_memory(problem)


def test_a_residual_is_added_into_its_skip_buffer() -> None:
    """conv, conv, add: with the add in place, the skip and the sum take one buffer."""
    buffers = (Buffer("x", 100, at_entry=True), Buffer("a", 60), Buffer("b", 100))
    steps = (Step("s0", (0,), (1,)), Step("s1", (1,), (2,)))
    add = Step("add", (0, 2), (3,), inplace=((0, 0),))
    problem = Problem((*buffers, Buffer("y", 100, at_exit=True)), (*steps, add), 4)
    plan = plan_memory(problem)
    assert plan.offsets[3] == plan.offsets[0]
    assert plan.peak == plan.lower_bound == 260


def test_an_output_starts_before_its_input_by_the_declared_distance() -> None:
    """memory.md of the design: input and output together take the output's end or the input's."""
    conv = Step("conv", (0,), (1,), overlap={(0, 0): -40})
    problem = Problem((Buffer("x", 100, at_entry=True), Buffer("y", 100, at_exit=True)), (conv,), 4)
    plan = plan_memory(problem)
    assert plan.offsets == (40, 0)
    assert plan.peak == plan.lower_bound == 140


def test_an_input_that_lives_on_shares_nothing() -> None:
    step = Step("s", (0,), (1,), inplace=((0, 0),), overlap={(0, 0): 4})
    buffers = (Buffer("x", 8, at_entry=True, at_exit=True), Buffer("y", 8, at_exit=True))
    assert plan_memory(Problem(buffers, (step,), 4)).peak == 16


def test_an_input_read_twice_shares_what_both_positions_permit() -> None:
    buffers = (Buffer("x", 8, at_entry=True), Buffer("y", 8, at_exit=True))
    for permitted, peak in (({(0, 0): 0}, 16), ({(0, 0): 0, (1, 0): -4}, 12)):
        step = Step("s", (0, 0), (1,), overlap=permitted)
        assert plan_memory(Problem(buffers, (step,), 4)).peak == peak


def test_the_solver_beats_greedy_where_greedy_falls_short() -> None:
    """Largest first needs 16 blocks here; rectangles (first, last, size) in the order given."""
    rectangles = [(2, 4, 4), (5, 7, 4), (3, 3, 1), (2, 5, 3), (3, 4, 3), (0, 2, 6), (4, 5, 5)]
    steps = [
        Step(
            f"s{at}",
            tuple(i for i, (first, last, _) in enumerate(rectangles) if first < at == last),
            tuple(i for i, (first, _, _) in enumerate(rectangles) if first == at),
        )
        for at in range(8)
    ]
    buffers = tuple(Buffer(f"b{i}", 64 * size) for i, (_, _, size) in enumerate(rectangles))
    problem = Problem(buffers, tuple(steps), 64)
    plan = plan_memory(problem, fixed_order=True)
    check_plan(problem, plan)
    assert plan.peak == plan.lower_bound == 15 * 64


def test_nothing_takes_nothing() -> None:
    assert plan_memory(Problem((), (), 4)) == MemoryPlan((), (), (), 0, 0)
