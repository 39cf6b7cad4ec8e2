"""Memory against latency as a picture."""

from __future__ import annotations

from graphopt.report.front import Mark, front_svg
from graphopt.report.regions import Tradeoff, TradePoint
from graphopt.report.units import size


def tradeoff_svg(tradeoff: Tradeoff) -> str:
    """An SVG element: bytes of the arena to the right, latency upwards, the chosen plan ringed."""
    chosen = _mark(tradeoff.chosen) if tradeoff.chosen else None
    return front_svg(
        [_mark(point) for point in tradeoff.points],
        chosen,
        "arena_bytes",
        "latency, as a multiple of that without patches",
        tradeoff.sram,
    )


def _mark(point: TradePoint) -> Mark:
    costs = f"{point.latency:.3f} times the latency, F = {point.factor:.3f}"
    kernels = f"{point.kernels} kernels in {point.regions} regions"
    title = f"{size(point.arena_bytes)}, {costs}: {kernels}"
    return Mark(point.arena_bytes, point.latency, title)
