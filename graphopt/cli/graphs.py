"""opt, bisect, passes, targets: working on graphs rather than on models that run."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from graphopt.cli import options as o
from graphopt.cli.output import emit, progress
from graphopt.errors import ModelError
from graphopt.ir import Graph
from graphopt.report.units import size
from graphopt.targets import CpuTarget, McuTarget, Target

GraphFile = Annotated[
    Path, typer.Argument(metavar="GRAPH", help="An ONNX file, or graph text in a .txt file.")
]


def opt(
    graph: GraphFile,
    passes: o.Passes = None,
    shape: o.Shape = None,
    locations: Annotated[bool, typer.Option("--locations", help="Show the ONNX nodes.")] = False,
    json: o.Json = False,
) -> None:
    """Run passes on a graph and print what they leave; without --passes, the whole pipeline."""
    from graphopt.api import optimize
    from graphopt.text import print_graph

    with progress() as say:
        say("passes")
        found = optimize(_read(graph, shape), o.names(passes) or None)
    text = print_graph(found, locations=locations)
    emit(json, {"nodes": len(found.nodes), "text": text}, Text(text))


def bisect(
    graph: GraphFile,
    passes: o.Passes = None,
    shape: o.Shape = None,
    input: o.Inputs = None,
    json: o.Json = False,
) -> None:
    """Find the first rewrite that changes what a graph computes; exits with 1 if there is one."""
    from graphopt.bisect import bisect as search
    from graphopt.testing import random_inputs

    imported = _read(graph, shape)
    inputs = o.arrays(input) if input is not None else random_inputs(imported)
    with progress() as say:
        say("comparing with the interpreter")
        bad = search(imported, inputs, o.names(passes) or None)
    if bad is None:
        emit(json, {"bad": None}, "every rewrite keeps the meaning")
        return
    data = {"number": bad.number, "rewrite": bad.rewrite, "problem": bad.problem}
    emit(json, {"bad": data}, Text(f"rewrite {bad.number}: {bad.rewrite}\n{bad.problem}"))
    raise typer.Exit(1)


def passes(json: o.Json = False) -> None:
    """List the passes, with the phases that run them, and what each does."""
    from graphopt.passes import PASSES, outside_passes, pass_class
    from graphopt.pipeline import PIPELINE

    table = Table("pass", "phase", "what it does", box=None, pad_edge=False)
    rows: list[dict[str, object]] = []
    for name in (*PASSES, *outside_passes()):
        cls = pass_class(name)
        what = (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        phases = [stage.phase for stage in PIPELINE if name in stage.names]
        rows.append({"name": name, "phases": phases, "what": " ".join(what.split())})
        table.add_row(name, ", ".join(phases), Text(" ".join(what.split())))
    emit(json, rows, table)


def targets(json: o.Json = False) -> None:
    """List the targets; `cpu` is the best of the CPUs that this machine runs."""
    from graphopt.errors import TargetError
    from graphopt.targets import load_target, target_names

    table = Table("target", "core", "what it has", "runs here", box=None, pad_edge=False)
    rows: list[dict[str, object]] = []
    for name in target_names():
        try:
            target = load_target(name)
        except TargetError as error:
            rows.append({"name": name, "problem": error.what})
            table.add_row(name, "", "", "no")
            continue
        facts = asdict(target)
        if isinstance(target, CpuTarget):
            here = _runs_here(target.features)
            facts |= {"features": sorted(target.features), "runs_here": here}
            runs = "yes" if here else "no"
        else:
            runs = "emulated"
        rows.append({**facts, "name": name, "is": target.name})
        table.add_row(name, target.mcpu, _possessions(target), runs)
    emit(json, rows, table)


def _possessions(target: Target) -> str:
    if isinstance(target, CpuTarget):
        return f"{target.vector_registers} vectors of {8 * target.vector_bytes} bits"
    if not isinstance(target, McuTarget):
        return ""
    if target.board is not None:
        memory = f"{size(target.board.sram_bytes)} SRAM, {size(target.board.flash_bytes)} flash"
        return f"{memory}, {target.board.clock_hz / 1e6:g} MHz"
    has = {"Helium": target.mve, "DSP": target.dsp, "FPU": target.fpu != "none"}
    return ", ".join(name for name, there in has.items() if there)


def _runs_here(features: frozenset[str]) -> bool:
    from graphopt.targets import missing_features

    return not missing_features(features)


def _read(path: Path, shape: list[str] | None) -> Graph:
    """A graph from an ONNX file, or from graph text (.txt) whose constants are all printed."""
    if path.suffix == ".txt":
        from graphopt.text import parse_graph

        try:
            return parse_graph(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(str(path), f"expected graph text, found: {error}") from error
    from graphopt.frontend import load_onnx

    return load_onnx(path, o.shapes(shape))
