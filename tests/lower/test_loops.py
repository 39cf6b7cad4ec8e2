"""Loops and parts: fewer steps are written down, and the same ones run."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from graphopt.lower.loops import rolled
from graphopt.lower.parts import shared
from graphopt.lower.steps import (
    Address,
    Loop,
    Move,
    Part,
    Section,
    Step,
    listing,
    parts_of,
    unrolled,
    walk,
)


def move(number: int) -> Move:
    return Move(Address("arena", 0, number), Address("arena", 0, 1000), 4)


def moves(*numbers: int) -> list[Step]:
    return [move(number) for number in numbers]


def test_repetitions_become_loops_inside_of_loops() -> None:
    steps = moves(9, *[1, 1, 2, 3, 3, 3] * 5, 8)
    inner = Loop(2, (move(1),)), move(2), Loop(3, (move(3),))
    assert rolled(steps) == (move(9), Loop(5, inner), move(8))


def test_what_recurs_is_written_once() -> None:
    phrase = [1, 2, 3, 4, 5]
    steps = moves(*phrase, 6, *phrase, 7, *phrase)
    found = shared(rolled(steps), first=3)
    parts = parts_of(found)
    assert min(parts) == 3
    assert len(walk(found)) == 7
    assert Counter(dict(walk(found)))[move(2)] == 3


def test_nothing_recurs() -> None:
    steps = tuple(moves(*range(20)))
    assert shared(rolled(steps)) == steps


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 4))
def test_the_same_runs(numbers: list[int], times: int) -> None:
    steps = moves(*numbers * times)
    found = shared(rolled(steps))
    assert list(unrolled(found)) == steps
    assert sum(times for _, times in walk(found)) == len(steps)


def test_long_sequences_get_short() -> None:
    rng = random.Random(0)
    rows = [[rng.randrange(8) for _ in range(6)] for _ in range(4)]
    numbers = [n for _ in range(200) for n in rows[rng.randrange(4)]]
    found = shared(rolled(moves(*numbers)))
    assert len(walk(found)) <= 16
    assert any(isinstance(step, Part) for step in found)


def test_parts_are_listed_once() -> None:
    part = Part(2, (move(1),))
    steps = (Section("rows", (Loop(3, (part,)), part)),)
    assert list(listing(steps)) == [
        "  rows",
        "    3 times",
        "      part 2",
        "        move(arena+1, arena+1000, 4)",
        "    part 2",
    ]
