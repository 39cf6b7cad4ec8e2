"""The same operators with channels last, as tiles are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphopt.ir import Array, Graph, Node, Op, TensorType, Value
from graphopt.ops import Concat, Conv, Elementwise, Fused, Identity, Pad, Pool
from graphopt.quantization.layers import unique_names

TO_LAST = (0, 2, 3, 1)
TO_FIRST = (0, 3, 1, 2)
# Where each dimension of a channels-first map is in its twin.
PLACES = tuple(TO_LAST.index(axis) for axis in range(4))


class NoTwin(Exception):
    """Why operators have no twin, in words for the user."""


def channels_last_twin(
    graph: Graph, nodes: Sequence[Node], output: Value
) -> tuple[Node, dict[str, Value]]:
    """The first nodes of a canonical graph as one `Fused` node from its input to `output`.

    Nodes keep their locations, and weights are the same values.

    Returns:
        The node, and for the names of its maps, which are unique, those of `graph`.

    Raises:
        NoTwin: a node is none of convolution, pool, pad, concat and elementwise operators.
    """
    maps = [*graph.inputs, *(value for node in nodes for value in node.outputs)]
    origins = dict(zip(unique_names(value.name for value in maps), maps, strict=True))
    twins = {value: _twin(name, value) for name, value in origins.items()}
    constants: dict[Value, Array] = {}

    def operand(node: Node, value: Value) -> Value:
        if value in twins:
            return twins[value]
        array = graph.constants[value]
        if isinstance(node.op, Elementwise) and array.size > 1:
            array = np.ascontiguousarray(_four(array).transpose(TO_LAST))
            value = Value(value.name, TensorType.of(array))
        constants[value] = array
        return value

    made: list[Node] = []
    for node in nodes:
        op = _moved(node)
        inputs = tuple(operand(node, value) for value in node.inputs)
        outputs = tuple(twins[value] for value in node.outputs)
        made.append(replace(node, op=op, inputs=inputs, outputs=outputs))
    inputs = tuple(twins[value] for value in graph.inputs)
    body = Graph(f"head of {graph.name}", inputs, tuple(made), (twins[output],), constants)
    whole = twins[output]
    arguments = tuple(Value(value.name, value.type) for value in inputs)
    return Node(Fused(body), arguments, (Value(whole.name, whole.type),)), origins


def _twin(name: str, value: Value) -> Value:
    if value.type.rank != 4:
        raise NoTwin(f"expected four dimensions, found {value!r}")
    return Value(name, replace(value.type, shape=_permuted(value.type.dims)))


def _permuted(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dims[axis] for axis in TO_LAST)


def _four(array: Array) -> Array:
    return array.reshape((1,) * (4 - array.ndim) + array.shape)


def _moved(node: Node) -> Op:
    """The operator for channels last."""
    op = node.op
    if isinstance(op, Conv | Pool) and len(op.strides) == 2 and op.layout == "NCHW":
        return replace(op, layout="NHWC")
    if isinstance(op, Elementwise | Identity):
        return op
    if isinstance(op, Concat):
        return replace(op, axis=PLACES[op.axis])
    if isinstance(op, Pad):
        return replace(op, pads=(*_permuted(op.pads[:4]), *_permuted(op.pads[4:])))
    raise NoTwin(f"cannot run in patches: {op.name} at {node.location}")
