"""Let the caller of a quantized model give and take integers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphopt.instruments import current
from graphopt.ir import Array, Graph, Node, TensorType, Value
from graphopt.ops import Dequantize, Quantize
from graphopt.rewrite import Pass


class IntegerInterface(Pass):
    """Inputs that are quantized first, and outputs that are dequantized last, become integers.

    A sensor gives integers and a firmware acts on them: the conversions to and from floats at the
    borders then go, with the floats' memory. What the integers stand for is in the manifest. An
    input stays float where one use of it is not quantized, or differently from the others.
    """

    name = "integer-interface"

    def run(self, graph: Graph) -> Graph:
        inputs = tuple(_stored_input(graph, value) or value for value in graph.inputs)
        if inputs != graph.inputs:
            graph = _with_inputs(graph, inputs)
        producers = graph.producers()
        outputs = tuple(_stored_output(producers.get(v)) or v for v in graph.outputs)
        if outputs != graph.outputs:
            live = [n for n in graph.nodes if not _only_leaves(n, graph, outputs)]
            graph = replace(graph, outputs=outputs).with_nodes(live)
        return graph


@dataclass(frozen=True)
class _Quantizer:
    """One quantization, comparable by what it does."""

    axis: int | None
    dtype: str
    parameters: tuple[bytes, ...]


def _stored_input(graph: Graph, value: Value) -> Value | None:
    """The input of integers that takes the place of a float one; None where it stays."""
    users = graph.users().get(value, [])
    if not users or value in graph.outputs or not value.type.dtype.is_float:
        return None
    found = {_quantizer(node, graph) for node in users}
    if None in found or len(found) > 1:
        reason = "not every use of it is quantized, and in the same way, by constants"
        current().reject(IntegerInterface.name, f"%{value.name}", reason)
        return None
    return Value(value.name, TensorType(users[0].output.type.dtype, value.type.shape))


def _quantizer(node: Node, graph: Graph) -> _Quantizer | None:
    if not isinstance(node.op, Quantize) or node.op.axis is not None:
        return None
    arrays: list[Array] = []
    for value in node.inputs[1:]:
        if value not in graph.constants:
            return None
        arrays.append(graph.constants[value])
    dtype = str(node.output.type.dtype)
    return _Quantizer(node.op.axis, dtype, tuple(array.tobytes() for array in arrays))


def _with_inputs(graph: Graph, inputs: tuple[Value, ...]) -> Graph:
    """The graph in which quantizers of replaced inputs are those inputs."""
    stored = {old: new for old, new in zip(graph.inputs, inputs, strict=True) if old is not new}
    gone = [node for node in graph.nodes if node.inputs and node.inputs[0] in stored]
    moved = {node.output: stored[node.inputs[0]] for node in gone}
    kept = [node for node in graph.nodes if node not in gone]
    return replace(graph, inputs=inputs).with_nodes(kept).substitute(moved)


def _stored_output(node: Node | None) -> Value | None:
    if node is None or not isinstance(node.op, Dequantize) or node.op.axis is not None:
        return None
    return node.inputs[0]


def _only_leaves(node: Node, graph: Graph, outputs: tuple[Value, ...]) -> bool:
    """Whether nothing reads a dequantization any more."""
    return (
        isinstance(node.op, Dequantize)
        and node.output not in outputs
        and node.output not in graph.users()
    )
