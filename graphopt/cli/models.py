"""compile, run, inspect."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli import patches
from graphopt.cli.output import emit, progress
from graphopt.errors import ArtifactError, OptionError


def compile_(
    model: o.Source,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path(
        "build"
    ),
    target: o.TargetName = "cpu",
    shape: o.Shape = None,
    threads: o.Threads = 1,
    passes: o.Passes = None,
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="Firmware's kernels: library, source.")
    ] = "library",
    name: Annotated[
        str, typer.Option("--name", help="How firmware's files and functions are called.")
    ] = "model",
    sram: patches.Sram = None,
    max_work: patches.MaxWork = None,
    max_macs: patches.MaxMacs = None,
    stream_input: patches.StreamInput = False,
    patch_plan: patches.PatchPlan = None,
    pareto: patches.Pareto = False,
    stop_after: Annotated[
        str | None,
        typer.Option("--stop-after", metavar="PHASE", help="Print what stands there instead."),
    ] = None,
    json: o.Json = False,
) -> None:
    """Compile an ONNX model into an artifact, which a CPU runs or a firmware project links."""
    from graphopt.api import Compilation
    from graphopt.pipeline import PHASES
    from graphopt.report import text
    from graphopt.targets.target import FORMS

    phase = next((each for each in PHASES if each == stop_after), None)
    if stop_after is not None and phase is None:
        raise OptionError(
            "--stop-after", f"expected one of {', '.join(PHASES)}, found {stop_after!r}"
        )
    kernels = next((each for each in FORMS if each == form), None)
    if kernels is None:
        raise OptionError("--form", f"expected one of {', '.join(FORMS)}, found {form!r}")
    compilation = Compilation(
        target,
        threads,
        o.names(passes),
        form=kernels,
        name=name,
        patch_plan=patch_plan,
        limits=patches.limits(sram, max_work, max_macs),
        stream_input=stream_input,
        pareto=pareto,
    )
    with progress() as compilation.progress:
        if phase is not None and phase != "built":
            stage = str(compilation.until(phase, model, o.shapes(shape)))
            emit(json, {"phase": phase, "text": stage}, Text(stage))
            return
        program = compilation.lowered(compilation.optimized(model, o.shapes(shape)))
        compilation.built(program).save(output)
    report = compilation.report(program)
    shown = Group(
        text.summary(report),
        text.patches(report),
        text.tradeoff(report),
        *text.notes(report),
        Text(f"wrote {output}"),
    )
    emit(json, {"output": str(output), **report.to_json()}, shown)


def run(
    build: o.Folder,
    input: o.Inputs = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="Y.npz", help="Where outputs go.")
    ] = None,
    json: o.Json = False,
) -> None:
    """Run an artifact on the arrays of an .npz file: here, or on the emulator of its core.

    The emulator also takes arrays of several samples, one after the other.
    """
    import numpy as np

    from graphopt.runtime.load import load_any

    with progress() as say:
        found = load_any(build, say).run(o.arrays(input) if input is not None else {})
    if output is not None:
        try:
            with output.open("wb") as file:
                np.savez(file, **found)  # type: ignore[arg-type]
        except OSError as error:
            raise ArtifactError(
                str(output), f"expected to write the outputs, found: {error.strerror}"
            ) from error
    facts = {
        name: {"dtype": str(a.dtype), "shape": list(a.shape), "output": str(output or "")}
        for name, a in found.items()
    }
    lines = [Text(f"{name}: {a.dtype}{list(a.shape)}\n{a}") for name, a in found.items()]
    emit(json, facts, Group(*lines))


def inspect(
    model: o.Either,
    target: o.TargetName = "cpu",
    shape: o.Shape = None,
    threads: o.Threads = 1,
    sram: patches.Sram = None,
    stream_input: patches.StreamInput = False,
    patch_plan: patches.PatchPlan = None,
    json: o.Json = False,
) -> None:
    """Show the kernels of a model or artifact: operators, MACs, bytes, weights, peak memory.

    Regions that run tile by tile are shown with what they hold of each map.
    """
    from graphopt.api import Compilation
    from graphopt.report import text
    from graphopt.report.artifact import read_report
    from graphopt.targets import McuTarget

    if model.is_dir():
        from graphopt.runtime.load import load_any

        load_any(model)
        report = read_report(model)
    else:
        compilation = Compilation(
            target,
            threads,
            patch_plan=patch_plan,
            limits=patches.limits(sram, None, None),
            stream_input=stream_input,
        )
        with progress() as compilation.progress:
            program = compilation.lowered(compilation.optimized(model, o.shapes(shape)))
            if isinstance(program.target, McuTarget):
                compilation.built(program)  # flash is a matter of the kernels' code
            report = compilation.report(program)
    emit(json, report.to_json(), text.full(report))
