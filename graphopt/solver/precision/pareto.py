"""The loss that each amount of one cost buys: the non-dominated assignments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, sqrt

from graphopt.progress import Progress, say
from graphopt.solver.precision.conflict import explain
from graphopt.solver.precision.optimum import solve
from graphopt.solver.precision.problem import FORMATS, Assignment, Limit, Problem
from graphopt.solver.precision.reach import smallest
from graphopt.solver.precision.search import Infeasible

# Points nearer to each other than this share of their cost are one point.
APART = 1e-12


@dataclass(frozen=True)
class Front:
    """Assignments of which none is better than another in loss and in cost, by rising cost.

    Attributes:
        cost: the name of the cost.
        points: each has the least loss for its cost (see `Assignment.optimal`), whether or not
            it lies on the convex hull.
        complete: whether these are all of the non-dominated pairs of loss and cost.
    """

    cost: str
    points: tuple[Assignment, ...]
    complete: bool


@dataclass(frozen=True)
class _Gap:
    """Two points, and the costs between them at which there may be more: above `known`."""

    low: Assignment
    high: Assignment
    known: float
    tried: bool = False


def pareto_front(
    problem: Problem,
    cost: str = "weight_bytes",
    max_solves: int = 40,
    effort: float = 1.5,
    progress: Progress | None = None,
) -> Front:
    """The front between the least loss and the least cost, within the problem's limits.

    The largest gap between known points (in cost times root loss) is halved again and again, each
    time by one exact solution under the halved cost (the epsilon-constraint method, Haimes 1971),
    until no gap is open or `max_solves` is reached.

    Args:
        cost: a cost of the choices, or the name of a limit.
        progress: called with one line before each solution.

    Raises:
        PrecisionError, BudgetError: as `solve` does for the problem itself.
    """
    solves = 0

    def point(at_most: float) -> Assignment:
        nonlocal solves
        solves += 1
        say(progress, f"point {solves} of at most {max_solves} on the Pareto front")
        return solve(_capped(problem, cost, at_most), effort)

    high = point(inf)
    low = point(_cheapest(problem, cost, effort))
    points, gaps = [low, high], _open(_Gap(low, high, low.costs[cost]), cost)
    while gaps and solves < max_solves:
        gap = max(gaps, key=lambda gap: _area(gap, cost))
        gaps.remove(gap)
        top = gap.high.costs[cost] * (1 - APART)
        at_most = top if gap.tried else min(top, (gap.known + gap.high.costs[cost]) / 2)
        found = point(at_most)
        if found.costs[cost] <= gap.low.costs[cost]:
            gaps += _open(replace(gap, known=at_most, tried=True), cost)
            continue
        points.append(found)
        gaps += _open(replace(gap, high=found), cost)
        gaps += _open(_Gap(found, gap.high, at_most), cost)
    return Front(cost, _non_dominated(points, cost), not gaps and all(p.optimal for p in points))


def _capped(problem: Problem, cost: str, at_most: float) -> Problem:
    """The problem with one more bound on a cost, or a tighter one on a limit."""
    if all(limit.name != cost for limit in problem.limits):
        return replace(problem, limits=(*problem.limits, Limit(cost, at_most)))
    limits = (
        replace(limit, at_most=min(limit.at_most, at_most)) if limit.name == cost else limit
        for limit in problem.limits
    )
    return replace(problem, limits=tuple(limits))


def _cheapest(problem: Problem, cost: str, effort: float) -> float:
    others = [limit.name for limit in problem.limits if limit.name != cost] + [FORMATS]
    capped = _capped(problem, cost, inf)
    try:
        return smallest(capped, cost, others, effort)
    except Infeasible:
        raise explain(problem, effort) from None


def _open(gap: _Gap, cost: str) -> list[_Gap]:
    """The gap, if there is room for a point in it."""
    room = gap.high.costs[cost] * (1 - APART) > gap.known and gap.low.loss > gap.high.loss
    return [gap] if room else []


def _area(gap: _Gap, cost: str) -> float:
    """Cost times root loss: losses are mostly squared errors, and span many powers of ten."""
    return (gap.high.costs[cost] - gap.known) * (sqrt(gap.low.loss) - sqrt(gap.high.loss))


def _non_dominated(points: list[Assignment], cost: str) -> tuple[Assignment, ...]:
    kept: list[Assignment] = []
    for point in sorted(points, key=lambda point: (point.costs[cost], point.loss)):
        if not kept or point.loss < kept[-1].loss:
            kept.append(point)
    return tuple(kept)
