"""Program and machine code -> Artifact: the manifest of what was decided."""

from __future__ import annotations

from graphopt.analysis.ports import PortQuants
from graphopt.lower.build import Built
from graphopt.lower.program import Program
from graphopt.lower.steps import Call
from graphopt.runtime.artifact import Artifact
from graphopt.runtime.manifest import CallRecord, Manifest, Port
from graphopt.targets import CpuTarget


def package(program: Program, built: Built, quants: PortQuants | None = None) -> Artifact:
    """Everything needed to run a program without the compiler.

    `quants` says what the integers at the borders of the program stand for.
    """
    return Artifact(describe(program, quants), built.library, program.weights)


def describe(program: Program, quants: PortQuants | None = None) -> Manifest:
    """What was decided about a program."""
    graph, target = program.graph, program.target
    unknown = PortQuants((None,) * len(graph.inputs), (None,) * len(graph.outputs))
    quants = quants or unknown
    inputs = zip((v.name for v in graph.inputs), graph.inputs, quants.inputs, strict=True)
    outputs = zip(graph.output_names, graph.outputs, quants.outputs, strict=True)
    return Manifest(
        name=graph.name,
        target=program.target.name,
        features=tuple(sorted(target.features)) if isinstance(target, CpuTarget) else (),
        threads=program.target.threads,
        inputs=tuple(Port(name, value.type, quant) for name, value, quant in inputs),
        outputs=tuple(Port(name, value.type, quant) for name, value, quant in outputs),
        calls=tuple(map(_record, program.calls)),
        arena_bytes=program.arena_bytes,
        arena_lower_bound=program.arena_lower_bound,
        weights_bytes=program.weights.nbytes,
        input_offsets=program.input_offsets,
        output_offsets=program.output_offsets,
    )


def _record(call: Call) -> CallRecord:
    return CallRecord(
        symbol=call.kernel.symbol,
        schedule=call.kernel.plan.schedule,
        location=call.location,
        operators=call.operators,
        arguments=tuple((a.space, a.index, a.offset) for a in call.arguments),
        macs=call.macs,
        nbytes=call.nbytes,
        weight_bytes=call.weight_bytes,
    )
