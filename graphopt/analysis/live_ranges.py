"""When each tensor must be in memory, and how much that takes at each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphopt.ir import Graph, Value


@dataclass(frozen=True)
class LiveRange:
    """A buffer in use from step `first` to step `last`, both included.

    Step i is the execution of node i. Several values may share the buffer: the first one owns
    it, the others are aliases of it. `nbytes` is the size of the largest.
    """

    values: tuple[Value, ...]
    first: int
    last: int
    nbytes: int


def live_ranges(graph: Graph, aliases: Mapping[Value, Value] | None = None) -> list[LiveRange]:
    """The live range of every computed value, in the order of definition.

    Args:
        aliases: values that lie in the memory of another, by the value they share it with; a
            chain of aliases ends in the owner. Aliases of inputs and constants take no memory.

    Graph outputs stay live to the end.
    """
    aliases = aliases or {}
    last_use: dict[Value, int] = {}
    defined: dict[Value, int] = {}
    for step, node in enumerate(graph.nodes):
        defined.update((value, step) for value in node.outputs)
        last_use.update((value, step) for value in (*node.inputs, *node.outputs))
    last_use.update((value, max(len(graph.nodes) - 1, 0)) for value in graph.outputs)

    members: dict[Value, list[Value]] = {}
    for value in defined:
        members.setdefault(owner(value, aliases), []).append(value)
    return [
        LiveRange(
            tuple(values),
            min(defined[v] for v in values),
            max(last_use[v] for v in values),
            max(v.type.nbytes for v in values),
        )
        for root, values in members.items()
        if root in defined
    ]


def owner(value: Value, aliases: Mapping[Value, Value]) -> Value:
    """The value whose memory `value` lies in: itself, unless it is an alias."""
    while value in aliases:
        value = aliases[value]
    return value


def live_bytes(graph: Graph, aliases: Mapping[Value, Value] | None = None) -> list[int]:
    """Bytes of computed values live during each step."""
    live = [0] * len(graph.nodes)
    for each in live_ranges(graph, aliases):
        for step in range(each.first, each.last + 1):
            live[step] += each.nbytes
    return live
