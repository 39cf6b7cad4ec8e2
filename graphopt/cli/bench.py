"""bench: how fast, how large, and how that compares."""

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from graphopt.cli import firmware
from graphopt.cli import options as o
from graphopt.cli.output import emit, progress
from graphopt.errors import ModelError, OptionError
from graphopt.progress import Progress


def bench(
    model: o.Either,
    against: Annotated[
        str | None, typer.Option("--against", metavar="RUNTIME", help="onnxruntime")
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option("--model", metavar="M.onnx", help="The artifact's ONNX file, if it moved."),
    ] = None,
    input: o.Inputs = None,
    target: o.TargetName = "cpu",
    shape: o.Shape = None,
    threads: o.Threads = 1,
    seconds: Annotated[float, typer.Option("--seconds", help="How long to measure.")] = 3.0,
    memory: Annotated[bool, typer.Option(help="Measure peak memory too.")] = True,
    json: o.Json = False,
) -> None:
    """Time a model, in turns with another runtime, and measure peak memory.

    An artifact runs on the threads it was compiled for. For a microcontroller: exact instructions
    of each kernel on the emulator, an estimate of cycles, and bytes of arena, stack and flash.
    """
    from graphopt.measure import RUNTIMES
    from graphopt.runtime.folder import read_manifest

    if against is not None and against not in RUNTIMES:
        raise OptionError("--against", f"expected {' or '.join(RUNTIMES)}, found {against!r}")
    with progress() as say, tempfile.TemporaryDirectory() as scratch:
        build: Path = model
        source: Path | None = model
        if not model.is_dir():
            from graphopt.api import compile

            build = Path(scratch) / "build"
            compile(model, target, o.shapes(shape), threads=threads, progress=say).save(build)
        if read_manifest(build).prefix:
            found = _measure_firmware(build, against, input, say)
            shown = firmware.table(found)
        else:
            if model.is_dir():
                source = onnx or _source(model, needed=against is not None)
            found = _measure(build, source, against, input, seconds, memory, say)
            shown = _table(found)
    emit(json, found, shown)


def _measure_firmware(
    build: Path, against: str | None, input: Path | None, say: Progress
) -> dict[str, Any]:
    from graphopt.runtime.firmware import load_firmware

    if against is not None:
        raise OptionError("--against", f"expected none for a microcontroller, found {against!r}")
    inputs = o.arrays(input) if input is not None else None
    return firmware.measure(load_firmware(build, say), inputs)


def _measure(
    build: Path,
    source: Path | None,
    against: str | None,
    input: Path | None,
    seconds: float,
    memory: bool,
    say: Any,
) -> dict[str, Any]:
    import numpy as np

    from graphopt.measure import interleave, onnxruntime_runner, peak_memory, summary
    from graphopt.runtime.model import load
    from graphopt.testing import random_array

    loaded = load(build)
    manifest = loaded.manifest
    rng = np.random.default_rng(0)
    inputs = {port.name: random_array(port.type, rng) for port in manifest.inputs}
    if input is not None:
        inputs = o.arrays(input)
    other = None
    if against is not None and source is not None:
        other = onnxruntime_runner(source, manifest.threads)
    say("measuring time")
    times = interleave(loaded.run, other, inputs, seconds)
    facts: dict[str, Any] = {
        "model": manifest.name,
        "target": manifest.target,
        "threads": manifest.threads,
        "runs": len(times.ours),
        "seconds": {"graphopt": summary(times.ours)},
        "arena_bytes": manifest.arena_bytes,
        "weight_bytes": manifest.weights_bytes,
    }
    if against is not None:
        facts["seconds"][against] = summary(times.other)
        facts["ratio"] = summary(times.ratios)
    if memory:
        say("measuring memory")
        peaks = {"running": peak_memory("graphopt", build, inputs, manifest.threads)}
        if against is not None and source is not None:
            peaks[f"running, {against}"] = peak_memory(against, source, inputs, manifest.threads)
        if source is not None:
            peaks["compiling"] = peak_memory("compile", source, inputs, manifest.threads)
        facts["peak_bytes"] = peaks
    return facts


def _source(build: Path, needed: bool) -> Path | None:
    """The ONNX file that an artifact was compiled from, if it is still the same."""
    from graphopt.report.artifact import read_report

    report = read_report(build)
    path = Path(report.source) if report.source else None
    if path is not None and path.is_file():
        if hashlib.sha256(path.read_bytes()).hexdigest() == report.source_sha256:
            return path
    if needed:
        raise ModelError(
            str(build),
            f"expected its ONNX file, found {path or 'none'} missing or changed",
            "say where it is: --model M.onnx",
        )
    return None


def _table(facts: dict[str, Any]) -> Table:
    from graphopt.report.units import duration, size

    title = (
        f"{facts['model']}: {facts['target']}, {facts['threads']} thread(s), {facts['runs']} runs"
    )
    table = Table("", "min", "median", "max", title=title, box=None, title_justify="left")
    for name, seconds in facts["seconds"].items():
        table.add_row(name, *(duration(seconds[key] * 1e6) for key in ("min", "median", "max")))
    if "ratio" in facts:
        ratio = facts["ratio"]
        table.add_row("ratio", *(f"{ratio[key]:.2f}" for key in ("min", "median", "max")))
    for name, nbytes in facts.get("peak_bytes", {}).items():
        table.add_row(f"peak memory, {name}", "", size(nbytes), "")
    table.add_row("arena", "", size(facts["arena_bytes"]), "")
    table.add_row("weights", "", size(facts["weight_bytes"]), "")
    return table
