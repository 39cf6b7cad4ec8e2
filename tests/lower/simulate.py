"""Programs run in numpy, byte by byte over one arena: what their addresses mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from graphopt.interpreter import run_body
from graphopt.ir import Array, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.program import Program, as_bytes
from graphopt.lower.steps import Address, Call, Move, Receive, Send, after, unrolled
from graphopt.targets import Target


@dataclass(frozen=True)
class AnySchedule:
    """Takes every region; writes over any input where it may, and asks for scratch."""

    scratch_bytes: int = 100
    overlap: int | None = None
    name: str = "any"

    def plan(self, region: Graph, target: Target, constant_inputs: frozenset[int]) -> KernelPlan:
        def build() -> NoReturn:
            raise AssertionError("nothing is compiled here")

        pairs = [(i, 0) for i in range(len(region.inputs))]
        return KernelPlan(
            self.name,
            region,
            build,
            scratch_bytes=self.scratch_bytes,
            inplace=tuple(pairs),
            overlap={} if self.overlap is None else dict.fromkeys(pairs, self.overlap),
        )


def simulate(program: Program, inputs: dict[str, Array]) -> dict[str, Array]:
    """Run a program; everything a call does not define is filled with garbage.

    Inputs and outputs lie in the arena if it has a place for them. Streamed ones pass by rows.
    """
    graph = program.graph
    arena = garbage(program.arena_bytes)
    memory = {("weights", 0): program.weights, ("arena", 0): arena}

    def port(offsets: tuple[int, ...], i: int, nbytes: int) -> NDArray[np.uint8]:
        return arena[offsets[i] : offsets[i] + nbytes] if offsets else garbage(nbytes)

    for i, value in enumerate(graph.inputs):
        offsets = () if i in program.streamed_inputs else program.input_offsets
        memory["input", i] = port(offsets, i, value.type.nbytes)
        memory["input", i][...] = as_bytes(inputs[value.name])
    for i, value in enumerate(graph.outputs):
        offsets = () if i in program.streamed_outputs else program.output_offsets
        memory["output", i] = port(offsets, i, value.type.nbytes)

    def at(address: Address, nbytes: int) -> NDArray[np.uint8]:
        found = memory[address.space, address.index][address.offset : address.offset + nbytes]
        assert found.nbytes == nbytes, f"{address} ends outside its space"
        return found

    passed: dict[tuple[str, int], int] = {}

    def rows(space: str, port: int, skip: int, count: int) -> NDArray[np.uint8]:
        """The next rows of a streamed input or output."""
        streams = program.streamed_inputs if space == "input" else program.streamed_outputs
        each = len(memory[space, port]) // streams[port]
        start = passed.get((space, port), 0) + skip
        passed[space, port] = start + count
        found = memory[space, port][start * each : (start + count) * each]
        assert len(found) == count * each, "rows beyond the end of a port"
        return found

    for step in unrolled(program.steps):
        match step:
            case Call():
                _compute(step, at)
            case Move():
                for row in range(step.rows):
                    source = at(after(step.source, row * step.source_pitch), step.nbytes).copy()
                    to = after(step.destination, row * step.destination_pitch)
                    at(to, step.nbytes)[...] = source
            case Receive():
                received = rows("input", step.port, step.skip, step.rows)
                at(step.destination, len(received))[...] = received
            case Send():
                sent = rows("output", step.port, 0, step.rows)
                sent[...] = at(step.source, len(sent))
    return {
        name: memory["output", i].view(v.type.dtype.numpy).reshape(v.type.dims)
        for i, (name, v) in enumerate(zip(graph.output_names, graph.outputs, strict=True))
    }


def _compute(call: Call, at: Callable[[Address, int], NDArray[np.uint8]]) -> None:
    region = call.kernel.plan.region
    types = [v.type for v in (*region.inputs, *region.outputs)]
    arrays = [
        at(address, type.nbytes).view(type.dtype.numpy).reshape(type.dims)
        for address, type in zip(call.arguments, types, strict=False)
    ]
    count = len(region.inputs)
    results = [result.copy() for result in run_body(region, *arrays[:count])]
    scratch = call.kernel.plan.scratch_bytes
    at(call.arguments[-1], scratch)[...] = garbage(scratch)
    for array, result in zip(arrays[count:], results, strict=True):
        array[...] = result


def garbage(nbytes: int) -> NDArray[np.uint8]:
    return np.full(nbytes, 0xA5, np.uint8)
