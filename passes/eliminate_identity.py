"""Bypass operators that return their input as it is."""

from collections.abc import Mapping

import numpy as np

from graphopt.ir import Array, Graph, Node, Value
from graphopt.ops import (
    Add,
    Cast,
    Clip,
    Concat,
    Div,
    Expand,
    Identity,
    Mul,
    Pad,
    Pool,
    Pow,
    Reduce,
    Reshape,
    Slice,
    Sub,
    Tile,
    Transpose,
    Where,
)
from graphopt.rewrite import Pass


class EliminateIdentity(Pass):
    """identity(x), and any operator whose attributes or constants make it return x, becomes x."""

    name = "eliminate-identity"

    def run(self, graph: Graph) -> Graph:
        same: dict[Value, Value] = {}
        kept: list[Node] = []
        for node in graph.nodes:
            found = _returned_input(node, graph.constants)
            if found is None or found.type != node.outputs[0].type:
                kept.append(node)
            else:
                same[node.outputs[0]] = same.get(found, found)
        if not same:
            return graph
        return graph.with_nodes(kept).substitute(same)


def _returned_input(node: Node, constants: Mapping[Value, Array]) -> Value | None:
    """The input that a node returns, if its type is that of the output."""
    op = node.op
    if isinstance(op, Add | Sub | Mul | Div | Pow):
        return _other_than_neutral(node, constants)
    if isinstance(op, Where):
        condition = constants.get(node.inputs[0])
        if condition is None or condition.size == 0 or condition.min() != condition.max():
            return None
        return node.inputs[1] if condition.all() else node.inputs[2]
    match op:
        case Identity() | Cast() | Reshape() | Expand() | Tile() | Concat():
            same = True  # with equal types, they can do nothing
        case Transpose():
            same = op.perm == tuple(range(len(op.perm)))
        case Slice():
            same = all(s == 1 or n <= 1 for s, n in zip(op.steps, op.sizes, strict=True))
        case Pad():
            same = not any(op.pads)
        case Clip():
            same = op.low is None and op.high is None
        case Pool():
            same = set(op.kernel) == {1} and not any(op.pads)
        case Reduce():
            same = all(node.inputs[0].type.shape[axis] == 1 for axis in op.axes)
        case _:
            same = False
    return node.inputs[0] if same else None


def _other_than_neutral(node: Node, constants: Mapping[Value, Array]) -> Value | None:
    """x in x + 0, x - 0, x * 1, x / 1 and x ** 1."""
    neutral = 0 if isinstance(node.op, Add | Sub) else 1
    a, b = node.inputs
    orders = [(a, b), (b, a)] if node.op.commutative else [(a, b)]
    for x, other in orders:
        array = constants.get(other)
        if array is not None and bool(np.all(array == neutral)) and x.type == node.output.type:
            return x
    return None
