"""What a cost buys, as a picture: points of a Pareto front, and the one that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from graphopt.report.scale import Scale
from graphopt.report.units import cost as shown

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 960, 400, 80, 14, 44
# Where numbers differ by more than this factor, only their logarithms can be told apart.
WIDE = 20


@dataclass(frozen=True)
class Mark:
    """A point: the cost that is spent, what is had for it (less is better), and its tooltip."""

    spent: float
    left: float
    title: str


def front_svg(
    points: Sequence[Mark],
    chosen: Mark | None,
    cost: str,
    what: str,
    at_most: float | None = None,
) -> str:
    """An SVG element: cost to the right, what is left upwards, circles, a ring round `chosen`.

    The line is what the points show to be reachable; if the front is complete it is the front.

    Args:
        points: in ascending order of cost.
        cost: the name of the cost; it ends in its unit.
        what: the name of the other axis.
        at_most: the limit on the cost, drawn as a line.
    """
    marked = [*points, *([chosen] if chosen else [])]
    lefts = [mark.left for mark in marked]
    limits = [at_most] if at_most is not None else []
    across = Scale.over([mark.spent for mark in marked] + limits)
    up = Scale.over(lefts, logarithmic=max(lefts) > WIDE * min(lefts))

    def place(mark: Mark) -> tuple[float, float]:
        return LEFT + WIDTH * across.at(mark.spent), TOP + HEIGHT * (1 - up.at(mark.left))

    parts = [
        f'<svg viewBox="0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + BOTTOM}" role="img" '
        'aria-label="Pareto front">',
        *_axes(across, up, cost, what),
        f'<path class="front" d="{_steps([place(point) for point in points])}"/>',
    ]
    if at_most is not None:
        x = LEFT + WIDTH * across.at(at_most)
        parts.append(
            f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}"/>'
            f'<text x="{x - 5:.1f}" y="{TOP + 12}" text-anchor="end">'
            f"limit {escape(shown(at_most, cost))}</text>"
        )
    parts += (_circle(point, place(point), "point", 4.5) for point in points)
    if chosen is not None:
        x, y = place(chosen)
        parts.append(_circle(chosen, (x, y), "chosen", 8))
        anchor, side = ("end", -13) if x > LEFT + WIDTH / 2 else ("start", 13)
        parts.append(
            f'<text x="{x + side:.1f}" y="{y - 9:.1f}" text-anchor="{anchor}">chosen</text>'
        )
    return "".join([*parts, "</svg>"])


def _axes(across: Scale, up: Scale, cost: str, what: str) -> list[str]:
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
        f"{escape(what)}{how}</text>"
    )
    return parts


def _steps(places: Sequence[tuple[float, float]]) -> str:
    first, *rest = places
    return f"M{first[0]:.1f} {first[1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)


def _circle(mark: Mark, at: tuple[float, float], kind: str, radius: float) -> str:
    return (
        f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}">'
        f"<title>{escape(mark.title)}</title></circle>"
    )
