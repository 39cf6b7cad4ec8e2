"""The precision program against brute force, against HAWQ-V3's own answers, and on bad input."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import fsum, inf, nan
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.errors import BudgetError, PrecisionError
from graphopt.solver.precision import (
    FORMATS,
    Assignment,
    Choice,
    Group,
    Limit,
    Problem,
    Row,
    pareto_front,
    solve,
)
from graphopt.solver.precision.enumeration import enumerate_near
from graphopt.solver.precision.problem import costs_of, loss_of
from graphopt.solver.precision.relaxation import relax
from graphopt.solver.precision.table import tabulate

from ..bench.hawq import FILE, hawq_rows
from ..bench.precision import unstructured

BITS = ("w2a8", "w4a8", "w8a8", "f16")


@st.composite
def problems(draw: st.DrawFn, max_groups: int = 8) -> Problem:
    """Up to eight groups with limits of every kind, many of which cannot be held.

    Numbers are quarters: their sums are exact, so brute force can compare them with ==. Losses are
    mostly equal to others, so that ties abound.
    """
    quarters = st.integers(0, 40).map(lambda n: n / 4)
    losses = quarters if draw(st.integers(0, 3)) == 0 else st.integers(0, 2).map(float)
    names = [f"g{i}" for i in range(draw(st.integers(1, max_groups)))]
    offered = st.lists(st.sampled_from(BITS), min_size=1, max_size=3, unique=True)
    groups = tuple(
        Group(
            name,
            tuple(
                Choice(format, draw(losses), {"bytes": draw(quarters), "time": draw(quarters)})
                for format in draw(offered)
            ),
        )
        for name in names
    )
    subsets = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    rows = st.lists(
        st.builds(Row, st.dictionaries(st.sampled_from(names), st.integers(0, 4)), quarters),
        min_size=1,
        max_size=4,
    )
    limits = []
    if draw(st.booleans()):
        limits.append(Limit("bytes", draw(st.integers(0, 120)) / 4))
    if draw(st.booleans()):
        limits.append(Limit("time", draw(st.integers(0, 120)) / 4))
    if draw(st.booleans()):
        limits.append(Limit("peak", draw(st.integers(0, 160)) / 2, tuple(draw(rows)), "bytes"))
    pinned = {
        group.name: draw(st.sampled_from(group.choices)).format
        for group in groups
        if draw(st.integers(0, 7)) == 0
    }
    return Problem(
        groups,
        tuple(limits),
        tuple(map(frozenset, draw(st.lists(subsets, max_size=2)))),
        pinned,
        draw(st.sampled_from((None, None, 1, 2))),
    )


def holding(problem: Problem) -> list[dict[str, str]]:
    """Every assignment within the limits, pins and equalities."""
    names = [group.name for group in problem.groups]
    found = []
    for formats in product(*([c.format for c in group.choices] for group in problem.groups)):
        chosen = dict(zip(names, formats, strict=True))
        costs = costs_of(problem, chosen)
        if (
            all(costs[limit.name] <= limit.at_most for limit in problem.limits)
            and all(len({chosen[name] for name in equal}) == 1 for equal in problem.equal)
            and all(chosen[name] == format for name, format in problem.pinned.items())
            and len(set(formats)) <= (problem.max_formats or len(BITS))
        ):
            found.append(chosen)
    return found


def positions(problem: Problem, formats: dict[str, str]) -> int:
    return sum([c.format for c in g.choices].index(formats[g.name]) for g in problem.groups)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_equals_brute_force(problem: Problem) -> None:
    possible = holding(problem)
    if not possible:
        with pytest.raises((BudgetError, PrecisionError)):
            solve(problem)
        return
    found = solve(problem)
    assert dict(found.formats) in possible
    assert found.optimal and found.loss == loss_of(problem, found.formats)
    best = min((loss_of(problem, each), positions(problem, each)) for each in possible)
    assert (found.loss, positions(problem, dict(found.formats))) == best
    assert found == solve(problem)


@settings(max_examples=100, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_enumeration_equals_brute_force(problem: Problem, random: Random) -> None:
    """From any assignment that holds the limits, however bad."""
    problem = replace(problem, max_formats=None)
    possible = holding(problem)
    if not possible:
        return
    table = tabulate(problem)
    start = random.choice(possible)
    known = tuple(
        option
        for option, (owner, format) in enumerate(zip(table.owner, table.formats, strict=True))
        if start[problem.groups[table.classes[owner][0]].name] == format
    )
    found = enumerate_near(table, relax(table, stake=100.0), known)
    assert found is not None
    formats = table.formats_by_group(problem, found)
    best = min((loss_of(problem, each), positions(problem, each)) for each in possible)
    assert (loss_of(problem, formats), positions(problem, formats)) == best


@pytest.mark.parametrize("seed", range(4))
def test_many_groups_equal_dynamic_programming(seed: int) -> None:
    """Under one limit on whole numbers, a table over what is left of it is exact."""
    rng = np.random.default_rng(seed)
    loss = np.cumsum(rng.random((80, 5)), 1)[:, ::-1]
    cost = np.cumsum(rng.integers(1, 9, (80, 5)), 1)
    groups = tuple(
        Group(
            f"g{i}",
            tuple(Choice(f"f{k}", float(loss[i, k]), {"c": float(cost[i, k])}) for k in range(5)),
        )
        for i in range(80)
    )
    at_most = int(cost[:, 0].sum() + 0.4 * (cost[:, -1] - cost[:, 0]).sum())
    least = np.zeros(at_most + 1)  # by what may be spent on the groups so far
    for i in range(80):
        new = np.full(at_most + 1, inf)
        for k in range(5):
            c = cost[i, k]
            new[c:] = np.minimum(new[c:], least[: at_most + 1 - c] + loss[i, k])
        least = new
    problem = Problem(groups, (Limit("c", at_most),))
    found = solve(problem)
    assert found.optimal and found.loss == pytest.approx(least[-1], rel=1e-12)

    table = tabulate(problem)
    relaxation = relax(table, stake=1000.0)
    own = 5 * np.arange(80) + relaxation.excess.reshape(80, 5).argmin(1)
    changed = np.repeat(own[None], 400, 0)
    changed[np.arange(400), np.arange(400) // 5] = np.arange(400)
    fitting = changed[cost.ravel()[changed].sum(1) <= at_most]
    known = fitting[loss.ravel()[fitting].sum(1).argmin()]
    enumerated = enumerate_near(table, relaxation, tuple(known.tolist()))
    assert enumerated == tuple(5 * i + int(found.formats[f"g{i}"][1]) for i in range(80))


def test_tight_limits_on_many_groups() -> None:
    """HiGHS finds the same optimum at a gap of 0; the first search of ours does not."""
    found = solve(unstructured(0, 0.5))
    assert found.optimal and found.loss == pytest.approx(180.03101413468693, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(problems(max_groups=5))
def test_errors_tell_what_can_be_reached(problem: Problem) -> None:
    """Brute force agrees on what each named limit can reach, alone or with the other named ones."""
    free = replace(problem, limits=(), max_formats=None)
    if holding(problem) or not holding(free):
        return
    with pytest.raises(BudgetError) as raised:
        solve(problem)
    named = raised.value.smallest
    alone = "smallest reachable" in str(raised.value)
    for name, reached in named.items():
        others = {other for other in named if other != name and not alone}
        held = replace(
            problem,
            limits=tuple(limit for limit in problem.limits if limit.name in others),
            max_formats=problem.max_formats if FORMATS in others else None,
        )
        values = [
            len(set(each.values())) if name == FORMATS else costs_of(problem, each)[name]
            for each in holding(held)
        ]
        assert reached == min(values)


@settings(max_examples=40, deadline=None)
@given(problems(max_groups=5))
def test_front_is_every_non_dominated_point(problem: Problem) -> None:
    possible = holding(problem)
    if not possible:
        return
    front = pareto_front(problem, "bytes", max_solves=200)
    pairs = {(costs_of(problem, each)["bytes"], loss_of(problem, each)) for each in possible}
    best = {
        (cost, loss)
        for cost, loss in pairs
        if not any(c <= cost and v <= loss and (c, v) != (cost, loss) for c, v in pairs)
    }
    assert front.complete
    assert [(p.costs["bytes"], p.loss) for p in front.points] == sorted(best)


def chain(count: int, **fields: Any) -> Problem:
    """Groups that lose 4 at 4 bits and nothing at 8, and take 4 or 8 bytes."""
    choices = (Choice("w4a8", 4.0, {"bytes": 4}), Choice("w8a8", 0.0, {"bytes": 8}))
    groups = tuple(Group(f"layer{i}", choices) for i in range(count))
    return replace(Problem(groups), **fields)


def test_says_which_limit_binds() -> None:
    roomy, tight = Limit("bytes", 100), Limit("bytes", 20)
    assert solve(chain(3, limits=(roomy,))).binding == ()
    found = solve(chain(3, limits=(tight,)))
    assert found.binding == ("bytes",) and found.costs == {"bytes": 20.0} and found.loss == 4
    mixed = Problem(
        (
            Group("a", (Choice("x", 0), Choice("y", 2))),
            Group("b", (Choice("z", 1), Choice("y", 2))),
        ),
        max_formats=1,
    )
    assert solve(mixed).binding == (FORMATS,)


def test_one_format_only() -> None:
    assert set(solve(chain(5, limits=(Limit("bytes", 39),), max_formats=1)).formats.values()) == {
        "w4a8"
    }


def test_no_groups() -> None:
    assert solve(Problem(())) == Assignment({}, 0.0, 0.0, {})


def test_limits_of_zero_and_infinity() -> None:
    groups = (Group("a", (Choice("x", 0, {"c": 0.1, "d": 3}), Choice("y", 5, {"d": 1e90}))),)
    assert solve(Problem(groups, (Limit("c", 0), Limit("d", inf)))).formats == {"a": "y"}


def test_sums_that_floats_round() -> None:
    """Neither the numbers nor their sums are floats; ten are within ten times one anyhow."""
    for cost in (0.1, 0.3, 0.7, 1e-30, 1e30):
        groups = tuple(Group(f"g{i}", (Choice("x", 1, {"c": cost}),)) for i in range(10))
        for at_most in (10 * cost, sum([cost] * 10)):
            assert solve(Problem(groups, (Limit("c", at_most),))).loss == 10
        with pytest.raises(BudgetError):
            solve(Problem(groups, (Limit("c", 10 * cost * (1 - 1e-9)),)))


def test_losses_far_apart() -> None:
    """What is at stake is 1e-9 of the largest loss; the smaller one is still found."""
    groups = tuple(
        Group(
            f"g{i}",
            (
                Choice("a", 1e6 + i, {"c": 1}),
                Choice("b", 1e-3 * (1 + i), {"c": 2}),
                Choice("d", 1e-4, {"c": 3}),
            ),
        )
        for i in range(8)
    )
    found = solve(Problem(groups, (Limit("c", 20),)))
    assert list(found.formats.values()) == ["b"] * 4 + ["d"] * 4
    assert found.loss == fsum([1e-3, 2e-3, 3e-3, 4e-3, *[1e-4] * 4])


@pytest.mark.skipif(not FILE.exists(), reason="the shared HAWQ vectors are absent")
def test_published_hawq_assignments() -> None:
    rows = hawq_rows()
    assert len(rows) == 9
    for row in rows:
        assert row.found == row.published, row.name
        assert row.assignment.optimal


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (chain(2, pinned={"layer7": "w8a8"}), "pinned formats: expected the name of a group"),
        (chain(2, equal=(frozenset(("layer0", "lyer1")),)), "nearest of 2: layer1"),
        (chain(2, pinned={"layer1": "w3a3"}), "expected one of w4a8, w8a8, found 'w3a3'"),
        (chain(2, limits=(Limit("byte", 3),)), "the choices name bytes"),
        (chain(2, limits=(Limit("bytes", nan),)), "limit bytes: expected a number, found nan"),
        (chain(2, limits=(Limit("bytes", 9), Limit("bytes", 8))), "found 'bytes' 2 times"),
        (chain(2, limits=(Limit(FORMATS, 9, cost="bytes"),)), "stands for max_formats"),
        (chain(2, max_formats=0), "max_formats: expected at least 1 format, found 0"),
        (Problem((Group("a", ()),)), "group a: choices: expected at least one format"),
        (Problem((Group("a", (Choice("x", nan),)),)), "group a: loss in x: expected a number"),
        (Problem((Group("a", (Choice("x", -1.0),)),)), "found -1.0"),
        (Problem((Group("a", (Choice("x", 0, {"c": inf}),)),)), "group a: c in x"),
        (Problem((Group("a", (Choice("x", 0),)),) * 2), "groups: expected each name once"),
        (
            chain(
                2,
                equal=(frozenset(("layer0", "layer1")),),
                pinned={"layer0": "w4a8", "layer1": "w8a8"},
            ),
            "equal groups layer0, layer1: expected one pinned format",
        ),
        (
            Problem(
                (Group("a", (Choice("x", 0),)), Group("b", (Choice("y", 0),))),
                equal=(frozenset("ab"),),
            ),
            "found none in common (a: x; b: y)",
        ),
        (
            chain(2, limits=(Limit("peak", 1, (Row({"layer3": 1.0}),), "bytes"),)),
            "limit peak: row 0: expected the name of a group, found 'layer3'",
        ),
    ],
)
def test_bad_problems(problem: Problem, message: str) -> None:
    with pytest.raises(PrecisionError) as raised:
        solve(problem)
    assert message in str(raised.value)


def test_limit_out_of_reach() -> None:
    pinned = {"layer0": "w8a8"}
    with pytest.raises(BudgetError) as raised:
        solve(chain(3, limits=(Limit("bytes", 15),), pinned=pinned))
    assert str(raised.value) == (
        "limit bytes: expected bytes at most 15, found that the smallest reachable is bytes 16\n"
        "raise the limit to what can be reached, offer cheaper formats, or release pinned groups"
    )
    assert raised.value.smallest == {"bytes": 16.0}


def test_limits_at_odds() -> None:
    """Each is within reach, both are not; a third one has nothing to do with it."""
    choices = (Choice("x", 0, {"a": 1, "b": 4}), Choice("y", 0, {"a": 4, "b": 1}))
    groups = (Group("g", choices), Group("h", choices))
    limits = (Limit("a", 4), Limit("idle", 9, cost="a"), Limit("b", 4))
    with pytest.raises(BudgetError) as raised:
        solve(Problem(groups, limits))
    assert raised.value.smallest == {"a": 8.0, "b": 8.0}
    assert "while the others hold, a can fall to 8, b can fall to 8" in str(raised.value)
