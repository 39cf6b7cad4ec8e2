"""The baseline of the precision program: uniform formats, raised greedily."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.solver.precision import Problem
from graphopt.solver.precision.problem import costs_of


def raise_greedily(problem: Problem, start: str) -> Mapping[str, str]:
    """Formats by group: all at `start`, then raised one at a time until no limit allows more.

    Each step takes the change that saves the most loss per unit of what it costs under the first
    limit, of those that keep every limit.

    Raises:
        ValueError: the uniform start breaks a limit.
    """
    formats = {group.name: start for group in problem.groups}
    if not _holds(problem, formats):
        raise ValueError(f"{start} everywhere breaks a limit")
    cost = problem.limits[0].summed
    loss = {(g.name, c.format): c.loss for g in problem.groups for c in g.choices}
    price = {(g.name, c.format): c.costs[cost] for g in problem.groups for c in g.choices}
    sets = [*problem.equal, *(frozenset((group.name,)) for group in problem.groups)]
    tied = set().union(*problem.equal)
    sets = [names for names in sets if len(names) > 1 or not names & tied]
    while True:
        best: tuple[float, dict[str, str]] | None = None
        for names in sets:
            for format in dict.fromkeys(c.format for g in problem.groups for c in g.choices):
                if any((name, format) not in loss for name in names):
                    continue
                saved = sum(loss[name, formats[name]] - loss[name, format] for name in names)
                paid = sum(price[name, format] - price[name, formats[name]] for name in names)
                if saved <= 0 or paid <= 0 or (best and saved / paid <= best[0]):
                    continue
                raised = formats | dict.fromkeys(names, format)
                if _holds(problem, raised):
                    best = (saved / paid, raised)
        if best is None:
            return formats
        formats = best[1]


def _holds(problem: Problem, formats: Mapping[str, str]) -> bool:
    costs = costs_of(problem, formats)
    return all(costs[limit.name] <= limit.at_most for limit in problem.limits)
