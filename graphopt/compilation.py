"""One compilation, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphopt.errors import OptionError, PlanError
from graphopt.instruments import Instruments
from graphopt.ir import Array, Graph
from graphopt.pipeline import PHASES, Phase, run_passes, run_pipeline
from graphopt.progress import Progress, say, step
from graphopt.rewrite import Pass

if TYPE_CHECKING:
    from onnx import ModelProto

    from graphopt.lower.program import Program
    from graphopt.patching.limits import Limits
    from graphopt.patching.plan import PatchPlan
    from graphopt.report import Report
    from graphopt.report.regions import Tradeoff
    from graphopt.runtime.firmware import Firmware
    from graphopt.runtime.model import Model
    from graphopt.targets.target import Form, Target

    AnyModel = str | Path | bytes | ModelProto | Graph
Shapes = Mapping[str, Sequence[int]]


def _imported(
    model: AnyModel,
    shapes: Shapes | None,
    constants: Mapping[str, Array] | None,
) -> Graph:
    if isinstance(model, Graph):
        if shapes or constants:
            raise OptionError("shapes, constants", "expected none, for a graph is given")
        return model
    from graphopt.frontend import load_onnx

    return load_onnx(model, shapes, constants)


@dataclass
class Compilation:
    """One compilation, step by step, with what each step took and did."""

    target: str = "cpu"
    threads: int = 1
    passes: Sequence[str | Pass] = ()
    progress: Progress | None = None
    form: Form = "library"
    name: str = "model"
    patch_plan: PatchPlan | str | Path | None = None
    limits: Limits | None = None
    stream_input: bool = False
    pareto: bool = False
    instruments: Instruments = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    imported_nodes: int = 0
    source: Path | None = None
    flash_bytes: int | None = None
    plan: PatchPlan | None = None
    tradeoff: Tradeoff | None = None

    def __post_init__(self) -> None:
        def before(name: str) -> None:
            self._say(f"pass {name}")

        self.instruments = Instruments.from_environment(before)

    def until(
        self,
        phase: Phase,
        model: AnyModel,
        shapes: Shapes | None,
        constants: Mapping[str, Array] | None = None,
    ) -> Model | Firmware | Graph | Program:
        """What stands at the end of `phase`; see `compile`."""
        if phase not in PHASES:
            raise OptionError("stop_after", f"expected one of {', '.join(PHASES)}, found {phase!r}")
        graph = self.optimized(model, shapes, constants, phase)
        if PHASES.index(phase) <= PHASES.index("fused"):
            return graph
        program = self.lowered(graph)
        return self.built(program) if phase == "built" else program

    def optimized(
        self,
        model: AnyModel,
        shapes: Shapes | None = None,
        constants: Mapping[str, Array] | None = None,
        stop_after: Phase = "fused",
    ) -> Graph:
        """The graph at the end of `stop_after`, or of the last phase that has a graph."""
        self.source = Path(model).absolute() if isinstance(model, (str, Path)) else None
        with self._step("import"):
            graph = _imported(model, shapes, constants)
        self.imported_nodes = len(graph.nodes)
        with self._step("passes"):
            last = PHASES[min(PHASES.index(stop_after), PHASES.index("fused"))]
            if self.passes and PHASES.index(last) >= PHASES.index("canonical"):
                graph = run_pipeline(graph, self.instruments, "canonical")
                graph = run_passes(graph, self.passes, self.instruments)
            return run_pipeline(graph, self.instruments, last)

    def lowered(self, graph: Graph) -> Program:
        """Schedules, packed weights and addresses for a fused graph."""
        graph = self._patched(graph)
        with self._step("lower"):
            from graphopt.lower.lowering import lower_program

            return lower_program(graph, self._target())

    def _patched(self, graph: Graph) -> Graph:
        """The graph with the regions of a plan: the one given, or one that keeps the limits."""
        given = self.patch_plan
        if given is None and self.limits is None and not (self.stream_input or self.pareto):
            return graph
        from graphopt.passes.patch_regions import PatchRegions
        from graphopt.patching.plan import PatchPlan

        with self._step("patches"):
            if given is None:
                self.plan = self._searched(graph)
            elif self.limits is not None or self.stream_input or self.pareto:
                raise OptionError("patch_plan", "expected no limits or streams beside a plan")
            else:
                self.plan = given if isinstance(given, PatchPlan) else PatchPlan.load(given)
            try:
                return run_passes(graph, [PatchRegions(self.plan)], self.instruments)
            except PlanError as error:
                if given is None or isinstance(given, PatchPlan):
                    raise
                raise PlanError(f"{given}: {error.where}", error.what, error.hint) from error

    def _searched(self, graph: Graph) -> PatchPlan:
        """The plan of least work within the limits, or of least memory; none without limits.

        Streams alone take as little memory as is possible with nothing computed twice.
        """
        from graphopt.patching.limits import Limits
        from graphopt.patching.plan import PatchPlan
        from graphopt.patching.search import Search
        from graphopt.report.tradeoff import tradeoff

        search = Search(graph, self._target(), self.stream_input)
        wanted = self.limits is not None or self.stream_input
        found = search.best(self.limits or Limits(macs=1.0)) if wanted else None
        if self.pareto:
            self._say("memory against latency")
            sram = self.limits.sram if self.limits is not None else None
            self.tradeoff = tradeoff(search.pareto(), found, sram)
        return found.plan if found is not None else PatchPlan()

    def built(self, program: Program) -> Model | Firmware:
        """Machine code for a program, with its report beside it."""
        from graphopt.targets import McuTarget

        if isinstance(program.target, McuTarget):
            return self._firmware(program)
        return self.model(program)

    def model(self, program: Program) -> Model:
        """Machine code for a program on a CPU, with its report beside it."""
        with self._step("kernels"):
            from graphopt.lower.build import build
            from graphopt.lower.package import package

            built = build(program, progress=self._kernels)
            artifact = package(program, built, self.instruments.ports)
        from graphopt.report.artifact import with_report
        from graphopt.runtime.model import Model

        return Model(with_report(artifact, self.report(program), self.plan))

    def _firmware(self, program: Program) -> Firmware:
        with self._step("kernels"):
            from graphopt.lower.mcu.build import build_objects, build_sources
            from graphopt.lower.mcu.flash import check_flash
            from graphopt.lower.mcu.package import package_library, package_sources

            check_flash(program, code_bytes=0)  # before minutes of compiling
            what = self.instruments.ports, self.name
            if self.form == "source":
                sources = build_sources(program, progress=self._kernels)
                artifact = package_sources(program, sources, *what)
            else:
                objects = build_objects(program, progress=self._kernels)
                code_bytes = sum(file.loaded_bytes for file in objects.values())
                check_flash(program, code_bytes)
                artifact = package_library(program, objects, *what)
                self.flash_bytes = artifact.manifest.flash_bytes
        from graphopt.report.artifact import with_report
        from graphopt.runtime.firmware import Firmware

        return Firmware(with_report(artifact, self.report(program), self.plan))

    def _target(self) -> Target:
        from graphopt.targets import McuTarget, load_target

        target = load_target(self.target, self.threads)
        if not isinstance(target, McuTarget):
            if self.form != "library":
                raise OptionError(
                    "form", f"expected library for {target.name}, found {self.form!r}"
                )
            return target
        # TVM's generator of C has no words for vectors.
        return replace(target, form=self.form, mve=target.mve and self.form == "library")

    def report(self, program: Program) -> Report:
        """What was decided so far, and why."""
        from graphopt.report.build import build_report

        report = build_report(program, self.instruments.records, self.instruments.floats)
        if self.source is not None:
            digest = hashlib.sha256(self.source.read_bytes()).hexdigest()
            report = replace(
                report, model=self.source.name, source=str(self.source), source_sha256=digest
            )
        return replace(
            report,
            imported_nodes=self.imported_nodes,
            seconds=dict(self.seconds),
            flash_bytes=self.flash_bytes,
            tradeoff=self.tradeoff,
        )

    def _kernels(self, done: int, total: int) -> None:
        self._say(f"compiling kernels: {done} of {total}")

    def _say(self, line: str) -> None:
        say(self.progress, line)

    def _step(self, name: str) -> AbstractContextManager[None]:
        return step(name, self.progress, self.seconds)
