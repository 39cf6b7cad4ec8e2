"""Program and machine code -> Artifact: the manifest of what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from graphopt.analysis.ports import PortQuants
from graphopt.ir import Quant, Value
from graphopt.lower.build import Built
from graphopt.lower.program import Program
from graphopt.lower.steps import Call, Loop, Part, Section, Step
from graphopt.runtime.artifact import Artifact
from graphopt.runtime.manifest import CallRecord, Execution, Manifest, Port, Repeat
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
    names = tuple(value.name for value in graph.inputs)
    return Manifest(
        name=graph.name,
        target=program.target.name,
        features=tuple(sorted(target.features)) if isinstance(target, CpuTarget) else (),
        threads=program.target.threads,
        inputs=_ports(names, graph.inputs, quants.inputs, program.streamed_inputs),
        outputs=_ports(graph.output_names, graph.outputs, quants.outputs, program.streamed_outputs),
        calls=tuple(_record(call, times) for call, times in program.sites),
        arena_bytes=program.arena_bytes,
        arena_lower_bound=program.arena_lower_bound,
        weights_bytes=program.weights.nbytes,
        input_offsets=program.input_offsets,
        output_offsets=program.output_offsets,
        order=_order(program),
    )


def _ports(
    names: Sequence[str],
    values: Sequence[Value],
    quants: Sequence[Quant | None],
    rows: Mapping[int, int],
) -> tuple[Port, ...]:
    return tuple(
        Port(name, value.type, quant, rows.get(i, 0))
        for i, (name, value, quant) in enumerate(zip(names, values, quants, strict=True))
    )


def _record(call: Call, times: int) -> CallRecord:
    return CallRecord(
        symbol=call.kernel.symbol,
        schedule=call.kernel.plan.schedule,
        location=call.location,
        operators=call.operators,
        arguments=tuple((a.space, a.index, a.offset) for a in call.arguments),
        macs=call.macs * times,
        nbytes=call.nbytes * times,
        weight_bytes=call.weight_bytes,
        times=times,
    )


def _order(program: Program) -> tuple[Execution, ...]:
    if all(times == 1 for _, times in program.sites):
        return ()
    numbers = count()
    parts: dict[int, tuple[Execution, ...]] = {}

    def of(steps: Sequence[Step]) -> Iterator[Execution]:
        for step in steps:
            match step:
                case Call():
                    yield next(numbers)
                case Section(_, body):
                    yield from of(body)
                case Loop(times, body):
                    inside = tuple(of(body))
                    if inside:
                        yield Repeat(times, inside)
                case Part(number, body):
                    if number not in parts:
                        parts[number] = tuple(of(body))
                    yield from parts[number]
                case _:
                    pass

    return tuple(of(program.steps))
