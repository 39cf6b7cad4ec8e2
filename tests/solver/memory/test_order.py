"""The order: least live bytes by every order, bounds that hold however early the search ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.solver.memory import Buffer, Problem, Step
from graphopt.solver.memory.order import best_order, given_order, has_choice, live_units
from graphopt.solver.memory.table import tabulate

from .problems import problems, valid_orders


@settings(max_examples=100, deadline=None)
@given(problems(max_steps=5))
def test_no_order_has_less_live(problem: Problem) -> None:
    table = tabulate(problem)
    orders = list(valid_orders(problem))
    found = best_order(table)
    assert found.steps in orders
    assert found.live == live_units(table, found.steps) == found.bound
    assert found.live == min(live_units(table, order) for order in orders)
    assert has_choice(table) == (len(orders) > 1)


@settings(max_examples=100, deadline=None)
@given(problems(max_steps=5), st.integers(0, 3))
def test_a_search_that_ends_early_has_a_bound_all_the_same(problem: Problem, states: int) -> None:
    table = tabulate(problem)
    orders = list(valid_orders(problem))
    found = best_order(table, max_states=states)
    assert found.steps in orders
    assert found.bound <= min(live_units(table, order) for order in orders) <= found.live
    assert found.live <= given_order(table).live


def branches(count: int, length: int) -> Problem:
    """Every branch makes much of the input and ends in little; all ends are read at last."""
    buffers, steps, ends = [Buffer("x", 8, at_entry=True)], list[Step](), []
    for branch in range(count):
        last = 0
        for at in range(length):
            last_step = at == length - 1
            buffers.append(Buffer(f"b{branch}.{at}", 1 if last_step else 64 + branch))
            steps.append(Step(f"s{branch}.{at}", (last,), (len(buffers) - 1,)))
            last = len(buffers) - 1
        ends.append(last)
    buffers.append(Buffer("y", 1, at_exit=True))
    steps.append(Step("join", tuple(ends), (len(buffers) - 1,)))
    by_depth = sorted(steps[:-1], key=lambda step: step.name.split(".")[1])
    return Problem(tuple(buffers), (*by_depth, steps[-1]), 1)


@pytest.mark.parametrize("count", [4, 8])
def test_branches_are_finished_one_by_one(count: int) -> None:
    """There are 4^count sets of steps; at their widest, two branches would not fit."""
    table = tabulate(branches(count, 3))
    found = best_order(table)
    assert found.live == found.bound < given_order(table).live / 2
