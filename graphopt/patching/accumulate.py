"""Global reductions by rows: what is known of a map so far, without the map."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphopt.analysis.receptive_field import NotSpatial, Reach, Span, Whole, spatial_reach
from graphopt.analysis.tiles import Tile, tile
from graphopt.ir import Graph, Node, Op, Value
from graphopt.ops import Add, Fused, Max, Min, Reduce

_MAP_AXES = {1, 2}
_COMBINE: dict[str, type[Op]] = {"sum": Add, "max": Max, "min": Min}


@dataclass(frozen=True)
class Accumulation:
    """A kernel that ends in a reduction over all rows and columns of a map.

    Part after part of the map is reduced, and added to what the parts before gave (maxima and
    minima likewise): the "iterative global pooling" of msf-CNN (arXiv 2505.11483). Integers only,
    for which the order makes no difference.

    Attributes:
        node: the kernel.
        inner: the same without the reduction: from the inputs to the map that is reduced.
        reaches: how the inputs depend on a part of that map.
    """

    node: Node
    inner: Node
    reaches: tuple[Reach | Whole, ...]

    @property
    def reduced(self) -> Value:
        """The map that is reduced; it never lies in memory."""
        return self.inner.output

    def part(self, rows: Span, columns: Span) -> Tile:
        """The reduction of a rectangle of the map."""
        inner = tile(self.inner, rows, columns)
        (result,) = inner.graph.outputs
        reduction = _reduction(self.node)
        output = Value(self.node.output.name, self.node.output.type)
        nodes = (*inner.graph.nodes, replace(reduction, inputs=(result,), outputs=(output,)))
        graph = replace(inner.graph, nodes=nodes, outputs=(output,), output_names=())
        return Tile(graph, inner.inputs)

    def combination(self) -> Graph:
        """The kernel that adds a part, its second input, to what is known so far, its first."""
        op = _reduction(self.node).op
        assert isinstance(op, Reduce)
        known, part, both = (Value(name, self.node.output.type) for name in ("x0", "x1", "v0"))
        node = Node(_COMBINE[op.kind](), (known, part), (both,), self.node.location)
        return Graph("combine", (known, part), (node,), (both,))


def accumulation(node: Node) -> Accumulation | None:
    """How `node` is computed by rows of its input, if it is a reduction of a whole map."""
    if not isinstance(node.op, Fused) or len(node.outputs) != 1:
        return None
    body = node.op.body
    reduction = body.nodes[-1]
    op = reduction.op
    if (
        not isinstance(op, Reduce)
        or op.kind not in _COMBINE
        or set(op.axes) != _MAP_AXES
        or len(body.nodes) < 2
        or reduction.output is not body.outputs[0]
        or not reduction.output.type.dtype.is_integer
        or reduction.inputs[0].type.rank != len(_MAP_AXES) + 2
    ):
        return None
    (reduced,) = reduction.inputs
    inner_body = replace(body, nodes=body.nodes[:-1], outputs=(reduced,), output_names=())
    inner = Node(Fused(inner_body), node.inputs, (Value(reduced.name, reduced.type),))
    reaches = spatial_reach(inner)
    if isinstance(reaches, NotSpatial):
        return None
    return Accumulation(node, inner, reaches)


def split_accumulation(node: Node) -> tuple[Node, ...]:
    """A kernel that goes on after the reduction of a whole map, cut behind it.

    Regions take the first part in. Other kernels come back as they are.
    """
    if not isinstance(node.op, Fused):
        return (node,)
    body = node.op.body
    at = next((i for i, inner in enumerate(body.nodes) if isinstance(inner.op, Reduce)), None)
    if at is None or at == len(body.nodes) - 1:
        return (node,)
    middle = body.nodes[at].output
    first_nodes, rest_nodes = body.nodes[: at + 1], body.nodes[at + 1 :]
    made = {value for inner in first_nodes for value in inner.outputs}
    crossing = {v for inner in rest_nodes for v in inner.inputs if v in made} | (
        made & set(body.outputs)
    )
    if crossing != {middle}:
        return (node,)
    total = Value(f"{node.outputs[0].name} (sum)", middle.type)
    first = _kernel(node, first_nodes, (middle,), {}, (total,))
    if accumulation(first) is None:
        return (node,)
    return (first, _kernel(node, rest_nodes, body.outputs, {middle: total}, node.outputs))


def _kernel(
    node: Node,
    nodes: tuple[Node, ...],
    results: tuple[Value, ...],
    entering: dict[Value, Value],
    outputs: tuple[Value, ...],
) -> Node:
    """A part of a kernel's body as a kernel; `entering` are inputs that the whole did not have."""
    assert isinstance(node.op, Fused)
    body = node.op.body
    read = {value for inner in nodes for value in inner.inputs} | set(results)
    bound = dict(zip(body.inputs, node.inputs, strict=True)) | entering
    inputs = tuple(value for value in bound if value in read)
    constants = {value: array for value, array in body.constants.items() if value in read}
    name = "_".join(inner.op.name for inner in nodes)
    part = Graph(name, inputs, nodes, results, constants)
    return Node(Fused(part), tuple(bound[value] for value in inputs), outputs, node.location)


def _reduction(node: Node) -> Node:
    assert isinstance(node.op, Fused)
    return node.op.body.nodes[-1]
