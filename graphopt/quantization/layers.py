"""The layers of a graph: convolutions and matrix products with constant weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphopt.analysis.axes import along_axis
from graphopt.ir import Array, DType, Graph, Node, Value
from graphopt.ops import Add, Conv, ConvTranspose, MatMul


@dataclass(frozen=True)
class Layer:
    """One convolution or matrix product with constant weights.

    Attributes:
        name: unique in the graph: the ONNX nodes it comes from, else the name of its output.
        node: its first input is the activation, its second one the weights.
        bias_node: the addition behind a matrix product that adds one number per output channel;
            None for convolutions, whose bias is their third input, and where there is none.
        bias: the constant that is added per output channel.
    """

    name: str
    node: Node
    bias_node: Node | None = None
    bias: Value | None = None

    @property
    def weights(self) -> Value:
        return self.node.inputs[1]

    @property
    def output(self) -> Value:
        """The value that holds the layer's result, with its bias."""
        return (self.bias_node or self.node).output

    @property
    def axis(self) -> int:
        """The axis of the weights along which the output channels lie."""
        if isinstance(self.node.op, MatMul):
            return self.weights.type.rank - (2 if self.node.op.transpose_b else 1)
        return 1 if isinstance(self.node.op, ConvTranspose) else 0

    @property
    def groups(self) -> int:
        """How many times the output channels along `axis` repeat in the output."""
        return self.node.op.groups if isinstance(self.node.op, ConvTranspose) else 1

    @property
    def channels(self) -> int:
        """The output channels."""
        return int(self.weights.type.dims[self.axis]) * self.groups


def find_layers(graph: Graph) -> dict[str, Layer]:
    """The layers by name, in execution order; f32 ones only."""
    users, outputs = graph.users(), set(graph.outputs)
    nodes = [node for node in graph.nodes if _is_layer(graph, node)]
    names = unique_names([str(n.location) or n.output.name for n in nodes])
    return {
        name: _layer(graph, name, node, users, outputs)
        for name, node in zip(names, nodes, strict=True)
    }


def unique_names(names: Iterable[str]) -> list[str]:
    """The names, each but the first of several equal ones with its number behind it."""
    taken: set[str] = set()
    result: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name}#{number}"
        taken.add(unique)
        result.append(unique)
    return result


def _is_layer(graph: Graph, node: Node) -> bool:
    if not isinstance(node.op, Conv | ConvTranspose | MatMul):
        return False
    x, w, *bias = node.inputs
    constant = w in graph.constants and all(b in graph.constants for b in bias)
    return constant and x not in graph.constants and x.type.dtype is DType.F32


def _layer(
    graph: Graph, name: str, node: Node, users: dict[Value, list[Node]], outputs: set[Value]
) -> Layer:
    if len(node.inputs) > 2:
        return Layer(name, node, bias=node.inputs[2])
    readers = users.get(node.output, [])
    if isinstance(node.op, MatMul) and len(readers) == 1 and node.output not in outputs:
        bias = bias_operand(graph, readers[0], node.output)
        if bias is not None:
            return Layer(name, node, readers[0], bias)
    return Layer(name, node)


def bias_operand(graph: Graph, node: Node, x: Value) -> Value | None:
    """The constant of an addition that adds one number per index of the last axis of `x`."""
    if not isinstance(node.op, Add) or len(set(node.inputs)) != 2:
        return None
    (other,) = [v for v in node.inputs if v is not x]
    array = graph.constants.get(other)
    if array is None or node.output.type != x.type:
        return None
    return other if along_last_axis(array, x) is not None else None


def along_last_axis(array: Array, x: Value) -> Array | None:
    """The vector along the last axis of `x` that `array` is; None when it varies elsewhere."""
    return along_axis(array, x.type.dims, x.type.rank - 1)
