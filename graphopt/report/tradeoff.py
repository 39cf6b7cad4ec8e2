"""Memory against latency: the plans that were found, and a picture of them."""

from __future__ import annotations

from collections.abc import Iterable

from graphopt.patching.search import Found
from graphopt.report.front import Mark, front_svg
from graphopt.report.regions import Tradeoff, TradePoint
from graphopt.report.units import size


def tradeoff(plans: Iterable[Found], chosen: Found | None, sram: int | None) -> Tradeoff:
    """What a report says of plans; without a chosen one it is that which patches nothing."""
    points = tuple(sorted((_point(plan) for plan in plans), key=lambda point: point.arena_bytes))
    plain = next((point for point in points if not point.regions), None)
    return Tradeoff(points, _point(chosen) if chosen is not None else plain, sram)


def _point(found: Found) -> TradePoint:
    regions = found.plan.regions
    kernels = sum(len(region.nodes) for region in regions)
    return TradePoint(found.arena, found.work, found.macs, len(regions), kernels)


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
