"""Let each reader widen small integers itself, so that wide ones are never stored."""

from __future__ import annotations

from dataclasses import replace

from graphopt.ir import Graph, Node, Value
from graphopt.ops import Cast, Elementwise
from graphopt.ops.products import is_narrow
from graphopt.rewrite import Pass


class DuplicateWidenings(Pass):
    """y = sub(cast(x), c), which several nodes read, becomes one sub(cast(x), c) for each of them.

    x is of integers of at most 16 bits and y of wider ones; c, and what else the elementwise
    nodes on the way read, holds one element. The bytes of x then cross memory, not the words of y.
    """

    name = "duplicate-widenings"

    def run(self, graph: Graph) -> Graph:
        widening = _widening(graph)
        names = {value.name for value in graph.values()}
        nodes: list[Node] = []
        # From the end on: a copy of a node is one more reader of what comes before it.
        readers: dict[Value, list[int]] = {}
        for node in reversed(graph.nodes):
            copies = [node]
            own = readers.get(node.outputs[0], [])
            if node in widening and node.output not in graph.outputs:
                for reader in own[1:]:
                    copy = replace(node, outputs=(_renamed(node.output, names),))
                    nodes[reader] = _reading(nodes[reader], node.output, copy.output)
                    copies.append(copy)
            for copy in copies:
                for value in dict.fromkeys(copy.inputs):
                    readers.setdefault(value, []).append(len(nodes))
                nodes.append(copy)
        return graph if len(nodes) == len(graph.nodes) else graph.with_nodes(reversed(nodes))


def _widening(graph: Graph) -> set[Node]:
    """The nodes that compute wide integers from small ones, element by element."""
    found: dict[Value, Node] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Elementwise) or node.output.type.dtype.itemsize < 4:
            continue
        whole = [value for value in node.inputs if value.type.elements > 1]
        if len(whole) != 1 or whole[0].type.shape != node.output.type.shape:
            continue
        small = isinstance(node.op, Cast) and is_narrow(whole[0].type.dtype)
        if (small and node.output.type.dtype.is_integer) or whole[0] in found:
            found[node.output] = node
    return set(found.values())


def _renamed(value: Value, taken: set[str]) -> Value:
    number = 0
    while (name := f"{value.name}.copy{number}") in taken:
        number += 1
    taken.add(name)
    return Value(name, value.type)


def _reading(node: Node, old: Value, new: Value) -> Node:
    return replace(node, inputs=tuple(new if value is old else value for value in node.inputs))
