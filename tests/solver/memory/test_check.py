"""The checker refuses every plan that would lose a byte."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphopt.errors import MemoryPlanError
from graphopt.solver.memory import (
    Buffer,
    MemoryPlan,
    Problem,
    Step,
    check_plan,
    check_problem,
    plan_memory,
)

from .problems import problems, smallest_peak

X, A, Y = Buffer("x", 4, at_entry=True), Buffer("a", 8), Buffer("y", 4, at_exit=True)
CHAIN = Problem((X, A, Y), (Step("s0", (0,), (1,), 4), Step("s1", (1,), (2,))), 4)
GOOD = MemoryPlan((0, 1), (0, 4, 0), (12, 0), 16, 16)


def test_a_plan_that_keeps_everything_passes() -> None:
    check_plan(CHAIN, GOOD)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"order": (0,)}, "each step once"),
        ({"order": (0, 0)}, "each step once"),
        ({"order": (1, 0)}, "%a whole"),
        ({"offsets": (0, 3, 0)}, "multiple of 4"),
        ({"offsets": (0, 12, 0)}, "arena of 16"),
        ({"offsets": (0, 4, -4)}, "arena of 16"),
        ({"offsets": (0, 0, 8)}, "input 0 and output 0 apart"),
        ({"scratch": (4, 0)}, "scratch apart"),
        ({"scratch": (0, 0)}, "scratch apart"),
        ({"offsets": (0, 4, 4)}, "input 0 and output 0 apart"),
        ({"peak": 12}, "arena of 12"),
    ],
)
def test_a_plan_that_does_not_is_refused(change: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(MemoryPlanError, match=message):
        check_plan(CHAIN, replace(GOOD, **change))  # type: ignore[arg-type]


def test_what_enters_and_what_leaves_must_be_whole() -> None:
    with pytest.raises(MemoryPlanError, match="entry: expected %x whole"):
        two = Problem((X, replace(X, name="z")), (), 4)
        check_plan(two, MemoryPlan((), (0, 0), (), 8, 8))
    with pytest.raises(MemoryPlanError, match="exit: expected %y whole"):
        copied = Problem((replace(X, name="y", at_exit=True), Buffer("z", 4, at_exit=True)), (), 4)
        check_plan(copied, MemoryPlan((), (0, 0), (), 8, 8))


@settings(max_examples=100, deadline=None)
@given(problems(max_steps=2), st.data())
def test_no_plan_below_the_optimum_passes(problem: Problem, data: st.DataObject) -> None:
    """Any order and any offsets: what the checker lets pass is never better than the optimum."""
    best = smallest_peak(problem)
    assume(best >= 1)
    offsets = st.integers(0, best - 1)
    plan = MemoryPlan(
        tuple(data.draw(st.permutations(range(len(problem.steps))))),
        tuple(data.draw(offsets) for _ in problem.buffers),
        tuple(data.draw(offsets) for _ in problem.steps),
        best - 1,
        0,
    )
    with pytest.raises(MemoryPlanError):
        check_plan(problem, plan)


@settings(max_examples=100, deadline=None)
@given(problems())
def test_taking_a_permission_away_is_noticed(problem: Problem) -> None:
    """A plan made with permissions passes without them only where it does not use them."""
    bare = replace(
        problem, steps=tuple(replace(step, inplace=(), overlap={}) for step in problem.steps)
    )
    plan = plan_memory(problem)
    if plan.peak < plan_memory(bare).peak:
        with pytest.raises(MemoryPlanError):
            check_plan(bare, plan)


@pytest.mark.parametrize(
    "problem, message",
    [
        (replace(CHAIN, alignment=0), "at least 1 byte"),
        (replace(CHAIN, buffers=(replace(X, nbytes=-1), A, Y)), "0 bytes or more"),
        (replace(CHAIN, steps=CHAIN.steps[1:]), "written before"),
        (replace(CHAIN, steps=(*CHAIN.steps, CHAIN.steps[0])), "nobody wrote"),
        (replace(CHAIN, steps=(Step("s", (0,), (7,)),)), "nobody wrote"),
        (replace(CHAIN, steps=(Step("s", (0,), (1,), -1),)), "scratch"),
        (replace(CHAIN, steps=(Step("s", (0,), (1,), inplace=((1, 0),)),)), "pair of positions"),
        (replace(CHAIN, steps=(Step("s", (0,), (1,), overlap={(0, 1): 0}),)), "pair of positions"),
    ],
)
def test_a_problem_without_meaning_is_refused(problem: Problem, message: str) -> None:
    with pytest.raises(MemoryPlanError, match=message):
        check_problem(problem)
    with pytest.raises(MemoryPlanError, match=message):
        plan_memory(problem)
