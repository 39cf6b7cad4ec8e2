"""Compile and optimize: the whole way from an ONNX model to one that runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from graphopt.compilation import Compilation, Shapes
from graphopt.instruments import Instruments
from graphopt.ir import Array, Graph
from graphopt.pipeline import Phase, run_passes, run_pipeline
from graphopt.progress import Progress
from graphopt.rewrite import Pass

if TYPE_CHECKING:
    from graphopt.compilation import AnyModel
    from graphopt.lower.program import Program
    from graphopt.patching.limits import Limits
    from graphopt.patching.plan import PatchPlan
    from graphopt.runtime.firmware import Firmware
    from graphopt.runtime.model import Model
    from graphopt.targets.target import Form

__all__ = ["Compilation", "Shapes", "compile", "compile_for_cpu", "optimize"]
GraphPhase = Literal["imported", "canonical", "quantized", "fused"]
ProgramPhase = Literal["placed", "lowered"]


@overload
def compile(
    model: AnyModel,
    target: Literal["cpu"] = "cpu",
    shapes: Shapes | None = None,
    *,
    threads: int = 1,
    passes: Sequence[str | Pass] = (),
    constants: Mapping[str, Array] | None = None,
    patch_plan: PatchPlan | str | Path | None = None,
    limits: Limits | None = None,
    stream_input: bool = False,
    stop_after: None = None,
    progress: Progress | None = None,
) -> Model: ...
@overload
def compile(
    model: AnyModel,
    target: str = "cpu",
    shapes: Shapes | None = None,
    *,
    threads: int = 1,
    passes: Sequence[str | Pass] = (),
    constants: Mapping[str, Array] | None = None,
    patch_plan: PatchPlan | str | Path | None = None,
    limits: Limits | None = None,
    stream_input: bool = False,
    stop_after: None = None,
    form: Form = "library",
    name: str = "model",
    progress: Progress | None = None,
) -> Model | Firmware: ...
@overload
def compile(
    model: AnyModel,
    target: str = "cpu",
    shapes: Shapes | None = None,
    *,
    threads: int = 1,
    passes: Sequence[str | Pass] = (),
    constants: Mapping[str, Array] | None = None,
    patch_plan: PatchPlan | str | Path | None = None,
    limits: Limits | None = None,
    stream_input: bool = False,
    stop_after: GraphPhase,
    progress: Progress | None = None,
) -> Graph: ...
@overload
def compile(
    model: AnyModel,
    target: str = "cpu",
    shapes: Shapes | None = None,
    *,
    threads: int = 1,
    passes: Sequence[str | Pass] = (),
    constants: Mapping[str, Array] | None = None,
    patch_plan: PatchPlan | str | Path | None = None,
    limits: Limits | None = None,
    stream_input: bool = False,
    stop_after: ProgramPhase,
    progress: Progress | None = None,
) -> Program: ...
def compile(
    model: AnyModel,
    target: str = "cpu",
    shapes: Shapes | None = None,
    *,
    threads: int = 1,
    passes: Sequence[str | Pass] = (),
    constants: Mapping[str, Array] | None = None,
    patch_plan: PatchPlan | str | Path | None = None,
    limits: Limits | None = None,
    stream_input: bool = False,
    stop_after: Phase | None = None,
    form: Form = "library",
    name: str = "model",
    progress: Progress | None = None,
) -> Model | Firmware | Graph | Program:
    """Compile an ONNX model into one that runs, or as far as `stop_after`.

    For a CPU the result is a `Model`, for a microcontroller the `Firmware` that a project links.

    Args:
        model: a path, the bytes of a file, a ModelProto, or a graph before "fused"; a graph's
            shapes and constants are what they are.
        target: a name that `graphopt targets` lists; `cpu` is the machine this runs on.
        shapes: whole shapes by input name, for inputs with symbolic dimensions.
        threads: how many threads one run of the model uses.
        passes: further passes, by name or as objects, to run on the canonical graph.
        constants: arrays by input name; these inputs are then no inputs any more.
        patch_plan: parts of the graph that run tile by tile, or the JSON file of such a plan.
        limits: what the plan has to keep that is searched for where none is given: of least work
            within `limits.sram` bytes, else of least memory. For microcontrollers.
        stream_input: the inputs arrive by rows and are never held; a plan is searched for, which
            computes nothing twice unless limits are given.
        stop_after: a phase. Up to "fused" the result is the Graph that stands there, for
            "placed" and "lowered" the Program.
        form: what kernels of a firmware are: machine code, or C that any compiler takes.
        name: how the names of a firmware's files, functions and constants start.
        progress: called with one line on each step before it starts.

    Raises:
        GraphoptError: the subclass says what is wrong, the text where, and what to do.
    """
    compilation = Compilation(
        target, threads, passes, progress, form, name, patch_plan, limits, stream_input
    )
    return compilation.until(stop_after or "built", model, shapes, constants)


def compile_for_cpu(graph: Graph, target: str = "cpu") -> Model:
    """`compile` for a target that is known to be a CPU."""
    compilation = Compilation(target)
    return compilation.model(compilation.lowered(compilation.optimized(graph)))


def optimize(graph: Graph, passes: Iterable[str | Pass] | None = None) -> Graph:
    """Run `passes` on a graph, by name or as objects; None: the pipeline up to "fused".

    Raises:
        PassError: a pass failed or left an invalid graph.
    """
    instruments = Instruments.from_environment()
    if passes is None:
        return run_pipeline(graph, instruments)
    return run_passes(graph, passes, instruments)
