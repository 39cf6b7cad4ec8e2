"""Inputs and outputs of a program that pass by rows, and are never held whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphopt.analysis.live_ranges import owner
from graphopt.errors import PlanError
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Patched
from graphopt.targets import McuTarget, Target


@dataclass(frozen=True)
class Streams:
    """Which inputs and outputs of a graph are streamed.

    Attributes:
        values: those that need no place in memory.
        numbers: of the input or output, by the value that a region calls it.
        inputs: the rows of each streamed input, by its number; `outputs` likewise.
    """

    values: frozenset[Value]
    numbers: Mapping[Value, int]
    inputs: Mapping[int, int]
    outputs: Mapping[int, int]


def find_streams(graph: Graph, target: Target, aliases: Mapping[Value, Value]) -> Streams:
    """What the regions of a graph receive and send.

    Args:
        aliases: values that lie in the memory of another.

    Raises:
        PlanError: a streamed value is not one that the caller gives or takes, or is needed
            elsewhere too, or the target's programs have no callbacks.
    """
    values: set[Value] = set()
    numbers: dict[Value, int] = {}
    inputs: dict[int, int] = {}
    outputs: dict[int, int] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Patched):
            continue
        received = [node.inputs[i] for i in node.op.streamed_inputs]
        sent = [node.outputs[i] for i in node.op.streamed_outputs]
        if (received or sent) and not isinstance(target, McuTarget):
            raise PlanError(
                str(node),
                f"streams: expected none on {target.name}, found %{(*received, *sent)[0].name}",
                "rows are streamed on microcontrollers alone",
            )
        for value in received:
            root = owner(value, aliases)
            values.add(root)
            numbers[value] = _input(graph, node, root, aliases)
            inputs[numbers[value]] = value.type.dims[1]
        for value in sent:
            values.add(value)
            numbers[value] = _output(graph, node, value, aliases)
            outputs[numbers[value]] = value.type.dims[1]
    return Streams(frozenset(values), numbers, inputs, outputs)


def _input(graph: Graph, node: Node, value: Value, aliases: Mapping[Value, Value]) -> int:
    readers = _readers(graph, value, aliases)
    if value not in graph.inputs or readers != [node] or _leaves(graph, value, aliases):
        raise PlanError(
            str(node),
            f"streamed input: expected an input of {graph.name} that this region alone reads, "
            f"found %{value.name}",
            "hold it whole",
        )
    return graph.inputs.index(value)


def _output(graph: Graph, node: Node, value: Value, aliases: Mapping[Value, Value]) -> int:
    leaving = _leaves(graph, value, aliases)
    if _readers(graph, value, aliases) or len(leaving) != 1:
        raise PlanError(
            str(node),
            f"streamed output: expected one output of {graph.name} that nothing else reads, "
            f"found %{value.name}",
            "hold it whole",
        )
    return leaving[0]


def _readers(graph: Graph, value: Value, aliases: Mapping[Value, Value]) -> Sequence[Node]:
    """Who reads a value, as often as it does; what only renames it does not count."""
    return [
        node
        for node in graph.nodes
        for read in node.inputs
        if owner(read, aliases) is value and not all(output in aliases for output in node.outputs)
    ]


def _leaves(graph: Graph, value: Value, aliases: Mapping[Value, Value]) -> list[int]:
    return [i for i, output in enumerate(graph.outputs) if owner(output, aliases) is value]
