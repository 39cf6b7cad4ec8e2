"""The loss that a cost buys, as one HTML page: the Pareto front and the point that was chosen."""

from __future__ import annotations

from collections import Counter

from graphopt.report.front import Mark, front_svg
from graphopt.report.html import page
from graphopt.report.units import cost as shown
from graphopt.solver.precision import Assignment, Front


def pareto_html(
    front: Front, chosen: Assignment | None, title: str, at_most: float | None = None
) -> str:
    """The page: a plot, the points as a table, and the formats of the chosen point by group.

    Args:
        chosen: need not be one of the front's points.
        at_most: the limit on the front's cost, drawn as a line.
    """
    return page(
        "pareto.html.j2",
        title=title,
        front=front,
        plot=loss_svg(front, chosen, at_most),
        chosen=chosen,
        formats=_formats,
    )


def loss_svg(front: Front, chosen: Assignment | None, at_most: float | None = None) -> str:
    """The plot: cost to the right, predicted loss upwards."""
    points = [_mark(point, front.cost) for point in front.points]
    marked = _mark(chosen, front.cost) if chosen is not None else None
    return front_svg(points, marked, front.cost, "predicted loss", at_most)


def _mark(point: Assignment, cost: str) -> Mark:
    spent = point.costs[cost]
    title = f"{shown(spent, cost)}, loss {point.loss:.4g}: {_formats(point)}"
    return Mark(spent, point.loss, title)


def _formats(point: Assignment) -> str:
    counts = Counter(point.formats.values())
    return ", ".join(f"{count} x {format}" for format, count in sorted(counts.items()))
