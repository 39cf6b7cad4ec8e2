"""What a quantized graph still computes in floats, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphopt.ir import Graph, Node, Value
from graphopt.ops import Decode, Dequantize, Elementwise, Encode, Quantize

# Passes from quantized to quantized start at the encode that ends a chain of floats.
ROOTED_AT_ENCODE = ("integer-add", "integer-select")
TABLES = "integer-lookup"
NO_FUNCTION = "not a function of elements"


@dataclass(frozen=True)
class FloatNode:
    """A node of a quantized graph that computes in floats.

    Attributes:
        name: of the ONNX nodes that it comes from, or of its result where they have none.
        operator: its operator.
        reason: why it has no integer form.
        inside: whether what it reads was quantized before and its result is quantized after;
            else it stands at a border, where the model itself has floats.
    """

    name: str
    operator: str
    reason: str
    inside: bool


def is_quantized(graph: Graph) -> bool:
    """Whether a graph holds quantized tensors."""
    return any(value.type.quant is not None for value in graph.values())


def float_nodes(
    graph: Graph, rejections: Iterable[tuple[str, str, str]] = ()
) -> tuple[FloatNode, ...]:
    """The nodes of a quantized graph that compute in floats, in execution order.

    Rounding floats to integers and reading integers as floats is not computing, but doing one
    right after the other is.

    Args:
        graph: at the end of the quantized phase.
        rejections: pass, node and reason, of the passes that make integers of floats.
    """
    reasons: dict[str, dict[str, str]] = {}
    for name, where, reason in rejections:
        reasons.setdefault(where, {}).setdefault(name, reason)
    producers, users = graph.producers(), graph.users()
    after = _read_quantized(graph)
    before = _quantized_later(graph)
    found: list[FloatNode] = []
    for node in graph.nodes:
        decoded = isinstance(node.op, Encode) and _is_decoded(producers.get(node.inputs[0]))
        if decoded or computes_floats(node):
            name = str(node.location) or node.outputs[0].name
            reason = _reason(node, graph, producers, users, reasons)
            inside = decoded or (node in after and node in before)
            found.append(FloatNode(name, node.op.name, reason, inside))
    return tuple(found)


def computes_floats(node: Node) -> bool:
    """Whether a node's result is a float that is more than quantized numbers read as floats."""
    if isinstance(node.op, Encode | Decode):
        return False
    return isinstance(node.op, Quantize) or any(v.type.dtype.is_float for v in node.outputs)


def _is_decoded(producer: Node | None) -> bool:
    return producer is not None and isinstance(producer.op, Decode)


def _read_quantized(graph: Graph) -> set[Node]:
    """Nodes that floats reach which were quantized before."""
    found: set[Node] = set()
    reached: set[Value] = set()
    for node in graph.nodes:
        if isinstance(node.op, Decode) and node.inputs[0] not in graph.constants:
            reached.update(node.outputs)
        elif computes_floats(node) and reached.intersection(node.inputs):
            found.add(node)
            reached.update(node.outputs)
    return found


def _quantized_later(graph: Graph) -> set[Node]:
    """Nodes whose floats reach a quantization."""
    found: set[Node] = set()
    wanted: set[Value] = set()
    for node in reversed(graph.nodes):
        if isinstance(node.op, Encode):
            wanted.update(node.inputs)
        elif computes_floats(node) and wanted.intersection(node.outputs):
            found.add(node)
            wanted.update(node.inputs)
    return found


def _reason(
    node: Node,
    graph: Graph,
    producers: Mapping[Value, Node],
    users: Mapping[Value, list[Node]],
    reasons: Mapping[str, Mapping[str, str]],
) -> str:
    own = reasons.get(str(node), {})
    if own:
        return next(iter(own.values()))
    if isinstance(node.op, Quantize | Dequantize):
        return "its scale is computed"
    for value in node.inputs:
        producer = producers.get(value)
        if value.type.dtype.is_float and value not in graph.constants:
            if producer is None:
                return f"%{value.name} is a float of the model"
            if not _is_decoded(producer) and not isinstance(node.op, Elementwise):
                return f"it reads the floats of {producer.op.name}"
    for user in (user for value in node.outputs for user in users.get(value, ())):
        told = reasons.get(str(user), {})
        for name in ROOTED_AT_ENCODE:
            if name in told:
                return told[name]
        if isinstance(node.op, Elementwise) and told.get(TABLES, NO_FUNCTION) != NO_FUNCTION:
            return told[TABLES]
    if not any(isinstance(user.op, Encode) for v in node.outputs for user in users.get(v, ())):
        return "its result is not quantized"
    return f"{node.op.name} has no integer form"
