"""The report as one HTML page that needs nothing but itself."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from graphopt.report import units
from graphopt.report.data import Report
from graphopt.report.picture import arena_svg


def render(report: Report) -> str:
    """The page, as text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(size=units.size, count=units.count, duration=units.duration)
    source = files("graphopt.report").joinpath("report.html.j2").read_text("utf-8")
    slowest = max((k.microseconds or 0 for k in report.kernels), default=0)
    largest = max((k.macs for k in report.kernels), default=0)
    return environment.from_string(source).render(
        report=report, arena=arena_svg(report), slowest=slowest, largest=largest
    )
