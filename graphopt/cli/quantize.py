"""quantize."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli.output import emit, progress
from graphopt.errors import OptionError


def quantize(
    model: o.Source,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="SAMPLES", help="An .npz or .npy file, or a folder of such."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "quantized"
    ),
    weights: Annotated[int, typer.Option("--weights", help="Bits: 2, 4, 8 or 16.")] = 8,
    activations: Annotated[int, typer.Option("--activations", help="Bits: 4, 8 or 16.")] = 8,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="LAYER=w4a8", help="Format of one layer; repeatable."),
    ] = None,
    ranges: Annotated[
        str, typer.Option("--ranges", help="minmax, percentile, mse or entropy.")
    ] = "minmax",
    symmetric: Annotated[
        bool, typer.Option("--symmetric", help="Zero points of activations are 0.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Use at most this many samples.")
    ] = None,
    shape: o.Shape = None,
    target: o.TargetName = "cpu",
    json: o.Json = False,
) -> None:
    """Quantize a float model after training: a QDQ ONNX file, and the plan that made it."""
    from graphopt.quantization.quantize import quantize as run
    from graphopt.quantization.ranges import RANGE_METHODS

    method = next((each for each in RANGE_METHODS if each == ranges), None)
    if method is None:
        raise OptionError("--ranges", f"expected {', '.join(RANGE_METHODS)}, found {ranges!r}")
    with progress() as report:
        quantized = run(
            model,
            data,
            weights,
            activations,
            formats=formats(format),
            ranges=method,
            symmetric=symmetric,
            limit=limit,
            shapes=o.shapes(shape),
            target=target,
            progress=report,
        )
        quantized.save(output)
    chosen = quantized.plan.formats
    table = Table("format", "layers", box=None)
    for name, count in sorted(Counter(chosen.values()).items()):
        table.add_row(name, str(count))
    facts = {"output": str(output), "formats": dict(chosen), "seconds": dict(quantized.seconds)}
    emit(json, facts, Group(table, Text(f"wrote {output}")))


def formats(given: Sequence[str] | None) -> dict[str, str]:
    """Formats by layer from texts like ``conv1=w4a8``; names may hold ``=`` themselves.

    Raises:
        OptionError: a text is not of that form.
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, format = text.rpartition("=")
        if not name or not equals or not format:
            raise OptionError("--format", f"expected LAYER=w4a8, found {text!r}")
        found[name] = format
    return found
