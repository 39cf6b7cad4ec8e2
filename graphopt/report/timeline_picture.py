"""Memory over time as a picture: what is live at each kernel, stacked; whole, and by patches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from graphopt.report.regions import Occupant, Timeline, live_bytes
from graphopt.report.units import size

WIDTH, HEIGHT, LEFT, TOP, GAP = 960, 200, 70, 22, 34


def timeline_svg(timeline: Timeline) -> str:
    """An SVG element: two panels of one scale, a column per kernel, a rectangle per live value.

    A value has one colour in both.
    """
    steps = len(timeline.steps)
    panels = (("whole maps", timeline.whole), ("by patches", timeline.patched))
    peaks = [max(live_bytes(occupants, steps), default=0) for _, occupants in panels]
    if not max(peaks):
        return ""
    names = dict.fromkeys(each.name for _, occupants in panels for each in occupants)
    colours = {name: f"hsl({i * 47 % 360} 55% 62%)" for i, name in enumerate(names)}
    parts = [
        f'<svg viewBox="0 0 {LEFT + WIDTH + 10} {2 * (TOP + HEIGHT + GAP)}" role="img" '
        'aria-label="memory over time">'
    ]
    for i, ((title, occupants), peak) in enumerate(zip(panels, peaks, strict=True)):
        top = TOP + i * (TOP + HEIGHT + GAP)
        up = HEIGHT / max(peaks)
        parts.append(f'<text x="{LEFT}" y="{top - 7}">{title}: at most {size(peak)} live</text>')
        parts += _scale(max(peaks), top)
        parts += _stack(occupants, timeline.steps, colours, top, up)
        parts.append(
            f'<text x="{LEFT + WIDTH / 2}" y="{top + HEIGHT + 18}" text-anchor="middle">'
            f"kernels 0 to {steps - 1}, in execution order</text>"
        )
    return "".join([*parts, "</svg>"])


def _scale(most: int, top: float) -> Iterator[str]:
    for tick in range(5):
        y = top + HEIGHT * (4 - tick) / 4
        yield f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{size(most * tick // 4)}</text>'


def _stack(
    occupants: Sequence[Occupant],
    steps: Sequence[str],
    colours: dict[str, str],
    top: float,
    up: float,
) -> Iterator[str]:
    """A rectangle per value for each run of steps in which it lies on equally high ones."""
    across = WIDTH / len(steps)
    bases = stacked(occupants, len(steps))
    for each, base in zip(occupants, bases, strict=True):
        numbered = enumerate(base, each.first)
        for bottom, run in groupby(numbered, key=lambda pair: pair[1]):
            columns = [step for step, _ in run]
            height = each.nbytes * up
            where = f"{steps[each.first]} to {steps[each.last]}"
            yield (
                f'<rect x="{LEFT + columns[0] * across:.1f}" '
                f'y="{top + HEIGHT - bottom * up - height:.1f}" '
                f'width="{len(columns) * across:.1f}" height="{max(height, 0.3):.1f}" '
                f'fill="{colours[each.name]}" data-name={quoteattr(each.name)}>'
                f"<title>{escape(f'{each.name}: {size(each.nbytes)}, {where}')}</title></rect>"
            )


def stacked(occupants: Sequence[Occupant], steps: int) -> list[list[int]]:
    """By occupant, the bytes below it at each of its steps: older ones lie lower."""
    heights = [0] * steps
    bases: dict[int, list[int]] = {}
    for i in sorted(range(len(occupants)), key=lambda i: (occupants[i].first, i)):
        each = occupants[i]
        span = range(each.first, each.last + 1)
        bases[i] = [heights[step] for step in span]
        for step in span:
            heights[step] += each.nbytes
    return [bases[i] for i in range(len(occupants))]
