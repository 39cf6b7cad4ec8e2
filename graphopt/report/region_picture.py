"""A patched region as a picture: its maps, how they are cut, and what of them is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from graphopt.report.regions import Region, RegionMap
from graphopt.report.units import size

CELL, ACROSS, LARGEST, SMALLEST, CAPTION = 194, 5, 150, 26, 76
# Lines that lie closer to each other than so many pixels make a grey area.
APART = 3.0
LETTERS = 28


def region_svg(region: Region) -> str:
    """An SVG element: a rectangle per map in proportion, with what lies in memory filled.

    It shows the middle of the run, one moment for all maps. Thin lines are the strips and the rows
    in which a map is computed.
    """
    unit = LARGEST / max(max(m.rows, m.columns) for m in region.maps)
    parts: list[str] = []
    top = 4.0
    for begin in range(0, len(region.maps), ACROSS):
        line = region.maps[begin : begin + ACROSS]
        height = max(_side(m.rows, unit) for m in line)
        for i, each in enumerate(line):
            parts += _map(each, unit, 6 + i * CELL, top, height)
        top += height + CAPTION
    width = ACROSS * CELL
    return "".join(
        [
            f'<svg viewBox="0 0 {width} {top:.0f}" role="img" '
            f'aria-label="maps of region {escape(region.name)}">',
            *parts,
            "</svg>",
        ]
    )


def _side(elements: int, unit: float) -> float:
    return max(elements * unit, SMALLEST)


def _map(each: RegionMap, unit: float, left: float, top: float, room: float) -> Iterator[str]:
    width, height = _side(each.columns, unit), _side(each.rows, unit)
    right, down = width / each.columns, height / each.rows
    y = top + room - height
    first, end, start, stop = each.moment
    kind = "map" if each.held == "whole" else "held"
    yield (
        f'<g><rect class="whole" x="{left}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )
    yield (
        f'<rect class="{kind}" x="{left + start * right:.1f}" y="{y + first * down:.1f}" '
        f'width="{(stop - start) * right:.1f}" height="{max((end - first) * down, 0.8):.1f}"/>'
    )
    for x in _lines(each.strips, right):
        yield _cut(left + x, y, left + x, y + height)
    for at in _lines(range(0, each.rows, each.step), down):
        yield _cut(left, y + at, left + width, y + at)
    for i, text in enumerate(caption(each)):
        yield f'<text x="{left}" y="{top + room + 14 + 14 * i:.1f}">{escape(text)}</text>'
    yield f"<title>{escape(each.name)}</title></g>"


def _cut(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="cut" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _lines(at: Sequence[int], scale: float) -> list[float]:
    """Where lines are drawn: none where they would be too close."""
    places = [place * scale for place in at[1:]]
    gaps = [b - a for a, b in zip([0.0, *places], places, strict=False)]
    return places if all(gap >= APART for gap in gaps) else []


def caption(each: RegionMap) -> tuple[str, ...]:
    """The name, the size, and what is held of a map."""
    name = each.name if len(each.name) <= LETTERS else f"…{each.name[-LETTERS + 1 :]}"
    whole = f"{each.rows} x {each.columns} x {each.channels}"
    if each.held == "whole":
        return name, whole, size(each.nbytes), "whole"
    full = each.buffer_columns == each.columns
    rows = "1 row" if each.buffer_rows == 1 else f"{each.buffer_rows} rows"
    what = rows if full else f"{each.buffer_rows} x {each.buffer_columns}"
    again = f" {each.repetitions:.2f} times" if each.repetitions > 1 else ""
    how = f"computed{again}" if each.held == "computed again" else each.held
    return name, whole, f"{what}, {size(each.nbytes)}", how
