"""Paths through a chain of cuts: minimax for memory, shortest for work. All answers are exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphopt.solver.patching.problem import Path, Problem


@dataclass(frozen=True)
class _Label:
    """A way to a cut. Of two, one is better where it costs less of everything."""

    work: float
    macs: int
    edge: int = -1
    before: _Label | None = None


def least_work(problem: Problem, most_memory: int | None = None) -> Path | None:
    """The path of least work that keeps all limits; None if there is none.

    The shortest path over the edges that fit; where macs are limited too, over all ways to each
    cut of which none costs less of both.

    Args:
        most_memory: what every edge may need at most.
    """
    into: list[list[int]] = [[] for _ in range(problem.steps + 1)]
    for index, edge in enumerate(problem.edges):
        if most_memory is None or edge.memory <= most_memory:
            into[edge.end].append(index)
    labels: list[list[_Label]] = [[_Label(0.0, 0)]]
    for end in range(1, problem.steps + 1):
        found = [
            _Label(before.work + edge.work, before.macs + edge.macs, index, before)
            for index in into[end]
            for edge in [problem.edges[index]]
            for before in labels[edge.first]
        ]
        labels.append(_best(problem, found))
    return _path(problem, labels[-1][0]) if labels[-1] else None


def least_memory(problem: Problem) -> Path | None:
    """The path whose largest edge needs the least memory, and of those the one of least work.

    A minimax path: more memory never makes work more, so the least that admits a path within the
    limits is found by bisection.
    """
    amounts = sorted({edge.memory for edge in problem.edges})
    low, high = 0, len(amounts)
    while low < high:
        middle = (low + high) // 2
        if least_work(problem, amounts[middle]) is None:
            low = middle + 1
        else:
            high = middle
    return least_work(problem, amounts[low]) if low < len(amounts) else None


def pareto(problem: Problem) -> Iterator[Path]:
    """The paths of which none needs less memory and less work, from least work to least memory."""
    path = least_work(problem)
    while path is not None:
        less = least_work(problem, path.memory - 1)
        if less is None or less.work > path.work:
            yield path
        path = less


def _best(problem: Problem, labels: list[_Label]) -> list[_Label]:
    """Those within the limits that no other one beats, by work."""
    kept: list[_Label] = []
    for label in sorted(labels, key=lambda each: (each.work, each.macs)):
        if problem.most_work is not None and label.work > problem.most_work:
            break
        if problem.most_macs is None:
            return [label]
        if label.macs <= problem.most_macs and (not kept or label.macs < kept[-1].macs):
            kept.append(label)
    return kept


def _path(problem: Problem, label: _Label) -> Path:
    edges: list[int] = []
    at: _Label | None = label
    while at is not None and at.edge >= 0:
        edges.append(at.edge)
        at = at.before
    edges.reverse()
    memory = max((problem.edges[index].memory for index in edges), default=0)
    return Path(tuple(edges), memory, label.work, label.macs)
