"""demo: the whole way, on a small model that ships with the package."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli.output import emit, progress


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "digits"
    ),
    json: o.Json = False,
) -> None:
    """Compile a network that reads handwritten digits, run it, and say what was done and why."""
    from graphopt.demo.run import run_demo
    from graphopt.report import text, units

    with progress() as say:
        outcome = run_demo(output, say)
    page = output / "report.html"
    lines = Text.assemble(
        "\n",
        (f"{outcome.accuracy:.2%}", "bold green"),
        f" of {outcome.images} held-out images read right",
        f" (reference {outcome.reference_accuracy:.2%},",
        f" largest difference {outcome.largest_difference:.1e})\n",
        (units.duration(outcome.microseconds), "bold green"),
        " an image on one core\n",
        f"the picture of it all: {page}",
    )
    data = {**asdict(outcome), "report": str(page)}
    emit(json, data, Group(text.full(outcome.report), lines))
