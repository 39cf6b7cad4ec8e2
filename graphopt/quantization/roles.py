"""What quantization makes of each operator: which nodes have an integer form, and of what kind."""

from __future__ import annotations

from enum import Enum, auto

from graphopt.ir import DType, Graph, Node, Value
from graphopt.ops import (
    Acos,
    Acosh,
    Add,
    Asin,
    Atanh,
    AveragePool,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    Cosh,
    DepthToSpace,
    Div,
    Exp,
    Expand,
    Gather,
    Identity,
    LayerNorm,
    Log,
    MatMul,
    Max,
    MaxPool,
    Min,
    Mul,
    Pad,
    Reciprocal,
    Reduce,
    Relu,
    Reshape,
    Resize,
    Sinh,
    Slice,
    Softmax,
    Sqrt,
    Sub,
    Tan,
    Tile,
    Transpose,
)
from graphopt.ops.elementwise import Elementwise

MOVES = (
    Concat, DepthToSpace, Expand, Gather, Identity, MaxPool, Reshape, Slice, Tile, Transpose,
)  # fmt: skip

# Where their slope is large or without bound, one step of 8 bits is far too coarse.
STEEP = (Acos, Acosh, Asin, Atanh, Cosh, Exp, Log, Reciprocal, Sinh, Sqrt, Tan)


class Role(Enum):
    """The kind of integer form that a node has.

    Attributes:
        KERNEL: products of its inputs, summed up exactly.
        SUM: an exact integer result of quantized inputs: add, mul, mean.
        FUNCTION: one number from one number, with bounded slope; a table at 8 bits.
        NORMALIZE: softmax and layer norm.
        MOVE: its output holds elements of its inputs (or ones between them), so that both may
            share a quantizer.
    """

    KERNEL = auto()
    SUM = auto()
    FUNCTION = auto()
    NORMALIZE = auto()
    MOVE = auto()


def role(graph: Graph, node: Node) -> Role | None:
    """The role of a node; None: it has no integer form and stays float."""
    data = data_inputs(graph, node)
    if not data or any(v.type.dtype is not DType.F32 for v in (*data, *node.outputs)):
        return None
    op = node.op
    if isinstance(op, Conv | ConvTranspose):
        return Role.KERNEL if all(v in graph.constants for v in node.inputs[2:]) else None
    if isinstance(op, MatMul):
        return Role.KERNEL
    if isinstance(op, Softmax):
        return None if op.log else Role.NORMALIZE
    if isinstance(op, LayerNorm):
        return Role.NORMALIZE
    if is_function(graph, node):
        return Role.FUNCTION
    if isinstance(op, Add | Sub | Mul | AveragePool):
        return Role.SUM
    if isinstance(op, Reduce):
        return {"sum": Role.SUM, "mean": Role.SUM, "max": Role.MOVE, "min": Role.MOVE}.get(op.kind)
    return Role.MOVE if _moves(op, node, graph) else None


def data_inputs(graph: Graph, node: Node) -> tuple[Value, ...]:
    """The inputs that are not known when compiling, each once."""
    return tuple(dict.fromkeys(v for v in node.inputs if v not in graph.constants))


def is_function(graph: Graph, node: Node) -> bool:
    """Whether each element of the output is a function of one element of one input."""
    if not isinstance(node.op, Elementwise) or len(node.outputs) != 1:
        return False
    if node.op.arity == 1:
        return not isinstance(node.op, STEEP)
    if not isinstance(node.op, Add | Sub | Mul | Div | Max | Min):
        return False
    data = data_inputs(graph, node)
    numbers = [v for v in node.inputs if v in graph.constants]
    return (
        len(data) == 1
        and data[0].type.shape == node.output.type.shape
        and all(v.type.elements == 1 for v in numbers)
    )


def is_clip(node: Node) -> bool:
    return isinstance(node.op, Relu | Clip)


def _moves(op: object, node: Node, graph: Graph) -> bool:
    if isinstance(op, Gather):
        return node.inputs[0] not in graph.constants and node.inputs[1] in graph.constants
    if isinstance(op, Pad):
        return op.mode != "constant" or op.value == 0
    if isinstance(op, Resize):
        return op.mode in ("nearest", "linear") and op.coordinates != "tf_crop_and_resize"
    return isinstance(op, MOVES)
