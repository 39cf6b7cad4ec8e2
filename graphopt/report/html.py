"""Pages that need nothing but themselves, and the report as one of them."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from graphopt.report import units
from graphopt.report.data import Report
from graphopt.report.picture import arena_svg
from graphopt.report.region_picture import region_svg
from graphopt.report.timeline_picture import timeline_svg
from graphopt.report.tradeoff import tradeoff_svg


def page(template: str, **content: Any) -> str:
    """A template of this folder, filled in."""
    environment = Environment(
        loader=PackageLoader("graphopt.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        size=units.size, count=units.count, duration=units.duration, cost=units.cost
    )
    return environment.get_template(template).render(**content)


def render(report: Report) -> str:
    """The page of a report, as text."""
    slowest = max((k.microseconds or 0 for k in report.kernels), default=0)
    largest = max((k.macs for k in report.kernels), default=0)
    return page(
        "report.html.j2",
        report=report,
        arena=arena_svg(report),
        maps=[region_svg(region) for region in report.regions],
        timeline=timeline_svg(report.timeline) if report.timeline else "",
        slowest=slowest,
        tradeoff=tradeoff_svg(report.tradeoff) if report.tradeoff else "",
        again=any(k.calls > 1 for k in report.kernels),
        scratch=any(k.scratch_bytes for k in report.kernels),
        largest=largest,
    )
