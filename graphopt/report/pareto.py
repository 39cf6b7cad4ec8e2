"""The loss that a cost buys, as one HTML page: the Pareto front and the point that was chosen."""

from __future__ import annotations

from collections import Counter
from xml.sax.saxutils import escape

from graphopt.report.html import page
from graphopt.report.scale import Scale
from graphopt.report.units import cost as shown
from graphopt.solver.precision import Assignment, Front

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 960, 400, 80, 14, 44
# Where losses differ by more than this factor, only their logarithms can be told apart.
WIDE = 20


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
        plot=front_svg(front, chosen, at_most),
        chosen=chosen,
        formats=_formats,
    )


def front_svg(front: Front, chosen: Assignment | None, at_most: float | None = None) -> str:
    """An SVG element: cost to the right, loss upwards, a circle per point, a ring round `chosen`.

    The line is what the points show to be reachable; if the front is complete it is the front.
    """
    points = [(point.costs[front.cost], point.loss) for point in front.points]
    marked = [*points, *([(chosen.costs[front.cost], chosen.loss)] if chosen else [])]
    losses = [loss for _, loss in marked]
    across = Scale.over([cost for cost, _ in marked] + ([at_most] if at_most is not None else []))
    up = Scale.over(losses, logarithmic=max(losses) > WIDE * min(losses))

    def place(cost: float, loss: float) -> tuple[float, float]:
        return LEFT + WIDTH * across.at(cost), TOP + HEIGHT * (1 - up.at(loss))

    parts = [
        f'<svg viewBox="0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + BOTTOM}" role="img" '
        'aria-label="Pareto front">',
        *_axes(across, up, front.cost),
        f'<path class="front" d="{_steps([place(*point) for point in points])}"/>',
    ]
    if at_most is not None:
        x = LEFT + WIDTH * across.at(at_most)
        parts.append(
            f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}"/>'
            f'<text x="{x - 5:.1f}" y="{TOP + 12}" text-anchor="end">'
            f"limit {escape(shown(at_most, front.cost))}</text>"
        )
    for point, at in zip(front.points, points, strict=True):
        parts.append(_circle(point, front.cost, place(*at), "point", 4.5))
    if chosen is not None:
        x, y = place(*marked[-1])
        parts.append(_circle(chosen, front.cost, (x, y), "chosen", 8))
        anchor, side = ("end", -13) if x > LEFT + WIDTH / 2 else ("start", 13)
        parts.append(
            f'<text x="{x + side:.1f}" y="{y - 9:.1f}" text-anchor="{anchor}">chosen</text>'
        )
    return "".join([*parts, "</svg>"])


def _axes(across: Scale, up: Scale, cost: str) -> list[str]:
    parts = []
    for tick in up.ticks():
        y = TOP + HEIGHT * (1 - up.at(tick))
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.3g}</text>')
    for tick in across.ticks(8):
        x, end = LEFT + WIDTH * across.at(tick), TOP + HEIGHT
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{end}"/>')
        label = escape(shown(tick, cost))
        parts.append(f'<text x="{x:.1f}" y="{end + 16}" text-anchor="middle">{label}</text>')
    middle, name = LEFT + WIDTH / 2, escape(cost.replace("_", " "))
    parts.append(f'<text x="{middle}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{name}</text>')
    y, how = TOP + HEIGHT / 2, ", logarithmic" if up.logarithmic else ""
    parts.append(
        f'<text x="14" y="{y}" text-anchor="middle" transform="rotate(-90 14 {y})">'
        f"predicted loss{how}</text>"
    )
    return parts


def _steps(places: list[tuple[float, float]]) -> str:
    first, *rest = places
    return f"M{first[0]:.1f} {first[1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)


def _circle(point: Assignment, cost: str, at: tuple[float, float], kind: str, radius: float) -> str:
    text = f"{shown(point.costs[cost], cost)}, loss {point.loss:.4g}: {_formats(point)}"
    return (
        f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}">'
        f"<title>{escape(text)}</title></circle>"
    )


def _formats(point: Assignment) -> str:
    counts = Counter(point.formats.values())
    return ", ".join(f"{count} x {format}" for format, count in sorted(counts.items()))
