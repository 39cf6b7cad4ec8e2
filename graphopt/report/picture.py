"""The arena as a picture: time runs to the right, addresses run upwards."""

from xml.sax.saxutils import escape, quoteattr

from graphopt.report.data import Report
from graphopt.report.units import size

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 320, 70, 28


def arena_svg(report: Report) -> str:
    """An SVG element: a rectangle per value, over the kernels it lives through, at its offset."""
    if not report.buffers or not report.arena_bytes:
        return ""
    steps = max(max(b.last for b in report.buffers) + 1, len(report.kernels))
    across, up = WIDTH / steps, HEIGHT / report.arena_bytes
    parts = [
        f'<svg viewBox="0 0 {LEFT + WIDTH + 10} {HEIGHT + BOTTOM + 10}" role="img" '
        'aria-label="memory plan">'
    ]
    for tick in range(5):
        y = 5 + HEIGHT * (4 - tick) / 4
        label = size(report.arena_bytes * tick // 4)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{label}</text>')
    for index, b in enumerate(report.buffers):
        x, width = LEFT + b.first * across, (b.last - b.first + 1) * across
        height = b.nbytes * up
        y = 5 + HEIGHT - b.offset * up - height
        title = f"{b.name}: {size(b.nbytes)} at {b.offset}, kernels {b.first} to {b.last}"
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" '
            f'fill="hsl({index * 47 % 360} 55% 62%)" data-name={quoteattr(b.name)}>'
            f"<title>{escape(title)}</title></rect>"
        )
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{HEIGHT + BOTTOM}" text-anchor="middle">'
        f"kernels 0 to {steps - 1}, in execution order</text></svg>"
    )
    return "".join(parts)
