"""Program and machine code -> Artifact: the manifest of what was decided."""

from __future__ import annotations

from graphopt.ir import Value
from graphopt.lower.build import Built
from graphopt.lower.program import Call, Program
from graphopt.runtime.artifact import Artifact
from graphopt.runtime.manifest import CallRecord, Manifest, Port
from graphopt.targets import CpuTarget


def package(program: Program, built: Built) -> Artifact:
    """Everything needed to run a program without the compiler."""
    graph, target = program.graph, program.target
    manifest = Manifest(
        name=graph.name,
        target=program.target.name,
        features=tuple(sorted(target.features)) if isinstance(target, CpuTarget) else (),
        threads=program.target.threads,
        inputs=tuple(_port(value.name, value) for value in graph.inputs),
        outputs=tuple(map(_port, graph.output_names, graph.outputs)),
        calls=tuple(map(_record, program.calls)),
        arena_bytes=program.arena_bytes,
        arena_lower_bound=program.arena_lower_bound,
        weights_bytes=program.weights.nbytes,
    )
    return Artifact(manifest, built.library, program.weights)


def _port(name: str, value: Value) -> Port:
    return Port(name, value.type)


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
