"""Put the channels of images last, where the CPU's kernels want them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphopt.ir import Graph, Node, Op, TensorType, Value
from graphopt.ops import (
    Concat,
    Conv,
    DepthToSpace,
    Dequantize,
    Elementwise,
    Lookup,
    Pad,
    Pool,
    Quantize,
    Reduce,
    Resize,
    Slice,
    Transpose,
)
from graphopt.rewrite import Pass

TO_LAST = (0, 2, 3, 1)
TO_FIRST = (0, 3, 1, 2)
FOLLOWING = (Pool, Resize, DepthToSpace)
INDIFFERENT = (Elementwise, Concat, Pad, Slice, Reduce, Quantize, Dequantize, Lookup, Transpose)


class AssignLayout(Pass):
    """A 2-D convolution becomes transpose, convolution with channels last, transpose.

    So do the pools, resizes and depth-to-space that are connected with a convolution through
    images; without one they stay as they are, for the transposes would cost more than they
    save. The transposes then sink and cancel in other passes: between two convolutions none
    is left. Weights keep their layout, and the user's inputs and outputs keep theirs.
    """

    name = "assign-layout"

    def run(self, graph: Graph) -> Graph:
        chosen = {node for part in _image_parts(graph) if any(map(_is_seed, part)) for node in part}
        nodes: list[Node] = []
        changed = False
        for node in graph.nodes:
            if node in chosen and (_is_seed(node) or isinstance(node.op, FOLLOWING)):
                nodes += _channels_last(node)
                changed = changed or nodes[-1] is not node
            else:
                nodes.append(node)
        return graph.with_nodes(nodes) if changed else graph


def _is_image(value: Value) -> bool:
    return value.type.rank == 4


def _is_seed(node: Node) -> bool:
    return isinstance(node.op, Conv) and len(node.op.strides) == 2


def _image_parts(graph: Graph) -> Iterator[list[Node]]:
    """The nodes that could run in either layout, in parts connected by images."""
    kinds = (Conv, *FOLLOWING, *INDIFFERENT)
    able = {n for n in graph.nodes if isinstance(n.op, kinds) and _is_image(n.outputs[0])}
    producers, users = graph.producers(), graph.users()
    while able:
        part = [able.pop()]
        for node in part:
            images = [v for v in (*node.inputs[:1], *node.outputs) if _is_image(v)]
            for value in images if isinstance(node.op, (Conv, *FOLLOWING)) else node.inputs:
                near = {producers[value]} if value in producers else set()
                part += able & near
                able -= near
            for value in node.outputs:
                near = {user for user in users.get(value, ()) if user in able}
                part += near
                able -= near
        yield part


def _channels_last(node: Node) -> list[Node]:
    """Nodes that compute what `node` does with channels last; `node` itself if it already does."""
    op = node.op
    if isinstance(op, Conv | Pool):
        if op.layout == "NHWC" or len(op.strides) != 2:
            return [node]
        return _between_transposes(node, replace(op, layout="NHWC"))
    if isinstance(op, Resize):
        if op.shape[:2] == node.inputs[0].type.shape[:2] and op.scales[:2] == (1, 1):
            return _between_transposes(node, _resize_last(op))
        return [node]
    assert isinstance(op, DepthToSpace)
    return [node] if op.layout == "NHWC" else _between_transposes(node, replace(op, layout="NHWC"))


def _resize_last(op: Resize) -> Resize:
    def placed(numbers: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(numbers[i] for i in TO_LAST)

    return replace(
        op,
        shape=tuple(op.shape[i] for i in TO_LAST),
        scales=placed(op.scales),
        roi=placed(op.roi[:4]) + placed(op.roi[4:]) if op.roi else (),
    )


def _between_transposes(node: Node, op: Op) -> list[Node]:
    nodes: list[Node] = []
    x = node.inputs[0]
    steps = (Transpose(TO_LAST), op, Transpose(TO_FIRST))
    for number, step in enumerate(steps):
        rest = node.inputs[1:] if step is op else ()
        (type_,) = step.infer(x.type, *(v.type for v in rest))
        y = node.output if number == len(steps) - 1 else _inner(node, number, type_)
        nodes.append(Node(step, (x, *rest), (y,), node.location))
        x = y
    return nodes


def _inner(node: Node, number: int, type: TensorType) -> Value:
    return Value(f"{node.output.name}.layout{number}", type)
