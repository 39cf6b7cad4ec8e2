"""demo: the whole way, on a small model that ships with the package."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli.output import emit, progress

if TYPE_CHECKING:
    from graphopt.demo.firmware import FirmwareOutcome


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "digits"
    ),
    json: o.Json = False,
) -> None:
    """Compile a network that reads handwritten digits, run it, and say what was done and why."""
    from graphopt.demo.run import firmware_folder, run_demo
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
        f"the picture of it all: {page}\n\n",
        _firmware_lines(outcome.firmware),
        f"its source and kernels: {firmware_folder(output)}",
    )
    data = {**asdict(outcome), "report": str(page)}
    emit(json, data, Group(text.full(outcome.report), lines))


def _firmware_lines(outcome: FirmwareOutcome) -> Text:
    """The same model on a microcontroller, in 8 bits."""
    from graphopt.report import units

    lines = Text.assemble(
        (f"{outcome.board}, 8 bits", "bold"),
        f": {units.size(outcome.arena_bytes)} of RAM,",
        f" {units.size(outcome.weight_bytes)} of weights\n",
    )
    found = outcome.emulated
    if found is None:
        packages = " ".join(outcome.missing_packages)
        return lines.append(f"to run it here on an emulated one: apt-get install {packages}\n")
    lines.append(f"{found.accuracy:.2%}", "bold green")
    lines.append(f" of {found.images} images read right, {units.count(found.instructions)}")
    lines.append(
        f" instructions an image on the emulator, {units.size(found.flash_bytes)} of flash"
    )
    if found.seconds is not None:
        lines.append(f", about {units.duration(found.seconds * 1e6)} on the board")
    return lines.append("\n")
