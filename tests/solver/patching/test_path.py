"""Paths against all paths, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.solver.patching import Edge, Path, Problem, least_memory, least_work, pareto

amounts = st.integers(0, 6)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    steps = draw(st.integers(1, 6))
    edges = [
        Edge(first, end, draw(amounts), float(draw(amounts)), draw(amounts))
        for first in range(steps)
        for end in range(first + 1, steps + 1)
        for _ in range(draw(st.integers(0, 2)))
    ]
    limits = st.none() | st.integers(0, 15)
    return Problem(steps, tuple(draw(st.permutations(edges))), draw(limits), draw(limits))


def paths(problem: Problem, at: int = 0, taken: tuple[int, ...] = ()) -> Iterator[Path]:
    if at == problem.steps:
        edges = [problem.edges[i] for i in taken]
        work, macs = sum(e.work for e in edges), sum(e.macs for e in edges)
        if (problem.most_work is None or work <= problem.most_work) and (
            problem.most_macs is None or macs <= problem.most_macs
        ):
            yield Path(taken, max(e.memory for e in edges), work, macs)
    for i, edge in enumerate(problem.edges):
        if edge.first == at:
            yield from paths(problem, edge.end, (*taken, i))


def check(problem: Problem, path: Path) -> None:
    """The path is one, and costs what it says."""
    edges = [problem.edges[i] for i in path.edges]
    assert [e.first for e in edges] == [0, *(e.end for e in edges[:-1])]
    assert edges[-1].end == problem.steps
    assert path.memory == max(e.memory for e in edges)
    assert path.work == sum(e.work for e in edges)
    assert path.macs == sum(e.macs for e in edges)


@settings(max_examples=300, deadline=None)
@given(problems(), amounts)
def test_least_work_of_all_paths(problem: Problem, most: int) -> None:
    best = min((p.work for p in paths(problem) if p.memory <= most), default=None)
    found = least_work(problem, most)
    assert (found.work if found else None) == best
    if found:
        check(problem, found)
        assert found.memory <= most


@settings(max_examples=300, deadline=None)
@given(problems())
def test_least_memory_of_all_paths(problem: Problem) -> None:
    best = min(((p.memory, p.work) for p in paths(problem)), default=None)
    found = least_memory(problem)
    assert ((found.memory, found.work) if found else None) == best
    if found:
        check(problem, found)


@settings(max_examples=300, deadline=None)
@given(problems())
def test_the_front_is_what_no_path_beats(problem: Problem) -> None:
    points = {(p.memory, p.work) for p in paths(problem)}
    best = {
        (m, w)
        for m, w in points
        if not any(n <= m and v <= w and (n, v) != (m, w) for n, v in points)
    }
    front = [(p.memory, p.work) for p in pareto(problem)]
    assert set(front) == best
    assert front == sorted(front, key=lambda point: point[1])


def test_no_path_for_a_step_that_nothing_runs() -> None:
    problem = Problem(2, (Edge(0, 1, 1, 1.0, 1),))
    assert least_work(problem) is None
    assert least_memory(problem) is None
    assert list(pareto(problem)) == []
