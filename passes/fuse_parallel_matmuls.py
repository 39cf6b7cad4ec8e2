"""Multiply once where several narrow weight matrices meet the same input."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphopt.analysis.cost import joining_pays
from graphopt.instruments import current
from graphopt.ir import Array, Graph, Location, Node, TensorType, Value
from graphopt.ops import MatMul, Slice
from graphopt.rewrite import Pass


@dataclass(frozen=True)
class FuseParallelMatmuls(Pass):
    """x @ a and x @ b become slices of x @ [a b], for constant matrices a and b.

    Where it pays: see `analysis.cost.joining_pays`. `lanes` is the number of columns in a vector.
    """

    name = "fuse-parallel-matmuls"
    lanes: int = 8

    def run(self, graph: Graph) -> Graph:
        def key(node: Node) -> Hashable:
            if not isinstance(node.op, MatMul) or node.inputs[1] not in graph.constants:
                return None
            return (node.inputs[0], node.op) if node.inputs[1].type.rank == 2 else None

        constants = dict(graph.constants)
        joined: dict[Node, list[Node]] = {}
        for members in siblings(graph, key):
            x = members[0].inputs[0]
            widths = [int(node.output.type.dims[-1]) for node in members]
            rows, depth = math.prod(x.type.dims[:-1]), x.type.dims[-1]
            if not joining_pays(rows, depth, widths, self.lanes):
                reason = f"joining products of {widths} columns saves less than the slices cost"
                current().reject(self.name, str(members[0]), reason)
                continue
            op = members[0].op
            assert isinstance(op, MatMul)
            axis = 0 if op.transpose_b else 1
            weights = joined_constant([node.inputs[1] for node in members], axis, constants)
            joined |= join(members, (x, weights), x.type.rank - 1, widths)
        return replaced(graph, joined, constants)


def siblings(graph: Graph, key: Callable[[Node], Hashable]) -> list[list[Node]]:
    """The nodes with equal keys, where there are several; nodes with the key None stand apart."""
    groups: dict[Hashable, list[Node]] = {}
    for node in graph.nodes:
        found = key(node)
        if found is not None:
            groups.setdefault(found, []).append(node)
    return [members for members in groups.values() if len(members) > 1]


def joined_constant(parts: Sequence[Value], axis: int, constants: dict[Value, Array]) -> Value:
    """A new constant: the arrays of `parts` one after the other along `axis`."""
    array = np.concatenate([constants[part] for part in parts], axis=axis)
    value = Value(f"{parts[0].name}.joined", TensorType.of(array))
    constants[value] = array
    return value


def join(
    members: Sequence[Node], inputs: tuple[Value, ...], axis: int, widths: Sequence[int]
) -> dict[Node, list[Node]]:
    """What replaces each member: the first one's operator on `inputs`, and slices of its output."""
    op = members[0].op
    location = sum((node.location for node in members), Location())
    (type_,) = op.infer(*(value.type for value in inputs))
    whole = Value(f"{members[0].output.name}.joined", type_)
    nodes = [Node(op, inputs, (whole,), location)]
    start = 0
    for node, width in zip(members, widths, strict=True):
        starts = tuple(start if i == axis else 0 for i in range(type_.rank))
        slice_ = Slice(starts, node.output.type.dims, (1,) * type_.rank)
        nodes.append(Node(slice_, (whole,), node.outputs, node.location))
        start += width
    return {members[0]: nodes, **{node: [] for node in members[1:]}}


def replaced(
    graph: Graph, new: Mapping[Node, list[Node]], constants: Mapping[Value, Array]
) -> Graph:
    """`graph` with the nodes that `new` has for some of its own, and with `constants`."""
    if not new:
        return graph
    nodes = [each for node in graph.nodes for each in new.get(node, [node])]
    return replace(graph, constants=constants).with_nodes(nodes)
