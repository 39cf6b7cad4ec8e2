"""quantize."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli.output import emit, progress
from graphopt.errors import ArtifactError, OptionError

if TYPE_CHECKING:
    from graphopt.quantization.mixed import Mixed
    from graphopt.quantization.patches.bits import ValueBits
    from graphopt.quantization.result import Quantized

CHOICES = "w8a8,w4a8,w2a8"
Name = TypeVar("Name", bound=str)


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
    activations: Annotated[int, typer.Option("--activations", help="Bits: 2, 4, 8 or 16.")] = 8,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="LAYER=w4a8", help="Format of one layer; repeatable."),
    ] = None,
    assignment: Annotated[
        Path | None,
        typer.Option("--assignment", metavar="A.json", help="Formats as saved, perhaps edited."),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            metavar="weight_bytes=62%",
            help="Choose formats within this limit: a number, or a share of 8 bits everywhere; "
            "of weight_bytes, bops, latency, activation_bytes or formats. Repeatable.",
        ),
    ] = None,
    choices: Annotated[
        str, typer.Option("--choices", metavar="A,B", help="Formats to choose from.")
    ] = CHOICES,
    sensitivity: Annotated[
        str, typer.Option("--sensitivity", help="output, hawq or gauss-newton.")
    ] = "output",
    compare: Annotated[
        bool, typer.Option("--compare", help="Measure how well each sensitivity predicts.")
    ] = False,
    pareto: Annotated[
        Path | None,
        typer.Option("--pareto", metavar="FRONT.html", help="Draw loss against weight bytes."),
    ] = None,
    patches: Annotated[
        str | None,
        typer.Option(
            "--patches",
            metavar="4x4",
            help="Compute the head of the network in patches, or 4x4@MAP up to MAP. With a budget, "
            "patches without outliers have fewer bits (QuantMCU).",
        ),
    ] = None,
    phi: Annotated[
        float | None,
        typer.Option("--phi", help="Mass of a Gaussian outside of which values are outliers: 0.96"),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="Share of outliers that a patch may hold: 1 - phi"),
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option("--lambda", help="Weight of entropy against bit operations, 0 to 1: 0.5"),
    ] = None,
    patch_bits: Annotated[
        str | None,
        typer.Option("--patch-bits", metavar="8,4,2", help="Bits that patches choose from: 8,4"),
    ] = None,
    ranges: Annotated[
        str | None, typer.Option("--ranges", help="minmax, percentile, mse or entropy.")
    ] = None,
    rounding: Annotated[
        str | None, typer.Option("--rounding", help="Of 4 bits and less: nearest or learned.")
    ] = None,
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
    from graphopt.api import compile
    from graphopt.quantization.assignment import read_assignment
    from graphopt.quantization.layers import find_layers
    from graphopt.quantization.quantize import quantize as run
    from graphopt.quantization.ranges import RANGE_METHODS
    from graphopt.quantization.settings import Settings
    from graphopt.quantization.weights import ROUNDING_METHODS

    if pareto is not None and not budget:
        raise OptionError("--pareto", "expected a --budget to mark on the front, found none")
    values = value_bits(patches, phi, tolerance, weight, patch_bits)
    method = one_of("--ranges", ranges or Settings.ranges, RANGE_METHODS)
    shapes = o.shapes(shape)
    formats = pairs("--format", "LAYER=w4a8", format)
    if assignment is not None:
        layers = find_layers(compile(model, target, shapes, stop_after="canonical"))
        formats = {**read_assignment(assignment, layers).formats, **formats}
    with progress() as report:
        quantized = run(
            model,
            data,
            weights,
            activations,
            formats=formats,
            budget=pairs("--budget", "weight_bytes=62%", budget) or None,
            choices=o.names(choices),
            sensitivity=sensitivity,
            compare=compare,
            ranges=method,
            patches=patches,
            values=values,
            rounding=one_of("--rounding", rounding or Settings.rounding, ROUNDING_METHODS),
            symmetric=symmetric,
            limit=limit,
            shapes=shapes,
            target=target,
            progress=report,
        )
        quantized.save(output)
        if pareto is not None and quantized.mixed is not None:
            draw(quantized.mixed, f"{model.name}: what weight bytes buy", pareto)
    emit(json, facts(quantized, output), shown(quantized, output))


def value_bits(
    patches: str | None,
    phi: float | None,
    tolerance: float | None,
    weight: float | None,
    bits: str | None,
) -> ValueBits | None:
    """How bits of patches follow from values; None: as they do by default.

    Raises:
        OptionError: one of these is given without patches, or means nothing.
    """
    from graphopt.quantization.patches.bits import ValueBits

    given: dict[str, Any] = {"phi": phi, "tolerance": tolerance, "weight": weight}
    given = {name: number for name, number in given.items() if number is not None}
    if bits is not None:
        names = o.names(bits)
        if not all(name.isdecimal() for name in names):
            raise OptionError("--patch-bits", f"expected numbers like 8,4,2, found {bits!r}")
        given["bits"] = tuple(map(int, names))
    if not given:
        return None
    if patches is None:
        raise OptionError("--patches", "expected a grid like 4x4 for the bits of patches")
    return ValueBits(**given)


def facts(quantized: Quantized, output: Path) -> dict[str, object]:
    """What was decided, as plain data."""
    found: dict[str, object] = {
        "output": str(output),
        "formats": dict(quantized.plan.formats),
        "seconds": dict(quantized.seconds),
    }
    if quantized.mixed is not None:
        chosen = quantized.mixed.assigned.assignment
        found["predicted_loss"] = chosen.loss
        found["loss_bound"] = chosen.bound
        found["measured_loss"] = quantized.mixed.assigned.measured
        found["costs"] = dict(quantized.mixed.saved().costs)
        found["binding"] = list(chosen.binding)
        correlations = quantized.mixed.correlations
        found["rank_correlations"] = {name: dict(each) for name, each in correlations.items()}
    return found


def shown(quantized: Quantized, output: Path) -> Group:
    """What was decided, for people."""
    from graphopt.report.units import cost

    table = Table("format", "layers", box=None)
    for name, count in sorted(Counter(quantized.plan.formats.values()).items()):
        table.add_row(name, str(count))
    lines = [table]
    if quantized.mixed is not None:
        mixed = quantized.mixed
        costs = Table("limit", "asked", "found", box=None)
        for limit in mixed.program.limits:
            found = mixed.assigned.assignment.costs[limit.name]
            costs.add_row(limit.name, cost(limit.at_most, limit.name), cost(found, limit.name))
        lines.append(costs)
        formats = next(iter(mixed.correlations.values()), {})
        ranks = Table("rank correlation of", *formats, box=None)
        for method, each in mixed.correlations.items():
            ranks.add_row(method, *(f"{each[name]:.2f}" for name in formats))
        lines += [ranks] if mixed.correlations else []
    return Group(*lines, Text(f"wrote {output}"))


def draw(mixed: Mixed, title: str, path: Path) -> None:
    """Write the Pareto front of weight bytes, with the chosen point.

    Raises:
        ArtifactError: the file cannot be written.
    """
    from graphopt.report.pareto import pareto_html

    front = mixed.front()
    limits = {limit.name: limit.at_most for limit in mixed.program.limits}
    page = pareto_html(front, mixed.assigned.assignment, title, limits.get(front.cost))
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise ArtifactError(str(path), f"cannot be written: {error.strerror}") from error


def pairs(option: str, example: str, given: list[str] | None) -> dict[str, str]:
    """Values by name from texts like ``conv1=w4a8``; names may hold ``=`` themselves.

    Raises:
        OptionError: a text is not of that form.
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.rpartition("=")
        if not name or not equals or not value:
            raise OptionError(option, f"expected {example}, found {text!r}")
        found[name] = value
    return found


def one_of(option: str, given: str, known: tuple[Name, ...]) -> Name:
    """`given`, which must be one of the known names.

    Raises:
        OptionError: it is not.
    """
    for name in known:
        if name == given:
            return name
    raise OptionError(option, f"expected one of {', '.join(known)}, found {given!r}")
