"""The nodes of an ONNX graph in execution order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from graphlib import CycleError, TopologicalSorter

from onnx import GraphProto, NodeProto

from graphopt.errors import ModelError
from graphopt.frontend.model import free_names


def describe(node: NodeProto, index: int) -> str:
    """How errors name a node."""
    kind = f"{node.domain}:{node.op_type}" if node.domain else node.op_type
    return f"node {node.name!r} ({kind})" if node.name else f"node #{index} ({kind})"


def ordered_nodes(
    graph: GraphProto, own: Collection[str], around: Collection[str], where: str
) -> list[tuple[NodeProto, str]]:
    """The nodes, each after those it reads from, and how errors name each.

    Args:
        own: the names of the graph's inputs and initializers.
        around: the names visible from the graphs around it.

    Raises:
        ModelError: a name is defined twice or never, or nodes wait for each other.
    """
    named = [(node, f"{where}: {describe(node, i)}") for i, node in enumerate(graph.node)]
    maker: dict[str, int] = {}
    for index, (node, label) in enumerate(named):
        for name in filter(None, node.output):
            if name in maker or name in own:
                raise ModelError(label, f"output {name!r} is defined twice")
            maker[name] = index
    waits: dict[int, list[int]] = {}
    for index, (node, label) in enumerate(named):
        waits[index] = []
        for name in reads(node):
            if name in maker:
                waits[index].append(maker[name])
            elif name not in own and name not in around:
                raise ModelError(label, f"input {name!r} is not defined anywhere")
    if all(w < index for index, before in waits.items() for w in before):
        return named
    try:
        return [named[i] for i in TopologicalSorter(waits).static_order()]
    except CycleError as error:
        cycle = " -> ".join(describe(named[i][0], i) for i in reversed(error.args[1]))
        raise ModelError(where, f"the graph has a cycle: {cycle}") from error


def reads(node: NodeProto) -> Iterable[str]:
    """The names that a node reads, its subgraphs included."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            yield from free_names(inner)
