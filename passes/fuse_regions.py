"""Make every kernel of the program a region node."""

from collections.abc import Mapping
from dataclasses import replace

from graphopt.analysis.regions import is_elementwise, partition
from graphopt.instruments import current
from graphopt.ir import Array, DType, Graph, Location, Node, Value
from graphopt.ops import Elementwise, Fused, Rescale, ShiftLeft, Sub
from graphopt.rewrite import Pass

NAMED_OPERATORS = 5
# Operators by which quantized tensors are centered and rescaled.
PARAMETERS = (Rescale, ShiftLeft, Sub)


class FuseRegions(Pass):
    """Nodes become `fused` regions, as `analysis.regions.partition` decides; each is one kernel.

    Regions that compute the same print the same: names inside are positional. Constants stay
    inputs of the region, but for single numbers that elementwise operators read: they go into
    the body, where kernels see their values. The parameters of quantize, dequantize and rescale
    stay outside, and so do zero points and shifts, or each layer of a quantized network would be
    a kernel of its own.
    """

    name = "fuse-regions"

    def run(self, graph: Graph) -> Graph:
        if all(isinstance(node.op, Fused) for node in graph.nodes):
            return graph
        result = partition(graph)
        for refusal in result.refusals:
            current().reject(self.name, refusal.where, refusal.reason)
        return graph.with_nodes(
            region.exit
            if isinstance(region.exit.op, Fused)
            else fuse(region.nodes, graph.constants)
            for region in result.regions
        )


def fuse(nodes: tuple[Node, ...], constants: Mapping[Value, Array]) -> Node:
    """One region node for `nodes`, in execution order, of which only the last is read outside."""
    results, location = nodes[-1].outputs, sum((node.location for node in nodes), Location())
    nodes = _in_one_order(nodes)
    scalars = _scalars(nodes, constants)
    inner: dict[Value, Value] = {}
    body_constants: dict[Value, Array] = {}
    inputs: list[Value] = []
    inner_inputs: list[Value] = []
    body: list[Node] = []

    def input_of(value: Value) -> Value:
        inner_inputs.append(Value(f"x{len(inputs)}", value.type))
        inputs.append(value)
        return inner_inputs[-1]

    for node in nodes:
        operands: list[Value] = []
        for value in node.inputs:
            if _is_parameter(node, value, constants):
                operands.append(input_of(value))
                continue
            if value not in inner and value in scalars:
                inner[value] = Value(f"c{len(body_constants)}", value.type)
                body_constants[inner[value]] = constants[value]
            elif value not in inner:
                inner[value] = input_of(value)
            operands.append(inner[value])
        for value in node.outputs:
            inner[value] = Value(f"v{sum(len(n.outputs) for n in body)}", value.type)
        body.append(
            replace(node, inputs=tuple(operands), outputs=tuple(inner[v] for v in node.outputs))
        )
    graph = Graph(
        region_name(nodes),
        tuple(inner_inputs),
        tuple(body),
        tuple(inner[v] for v in results),
        body_constants,
    )
    return Node(Fused(graph), tuple(inputs), results, location)


def _in_one_order(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The same nodes, and of sums the same operands first, however the model writes them.

    So x + conv(y) and conv(y) + x are the same kernel: what the anchor is needed for comes first,
    then what else is computed in the region.
    """
    producers = {value: node for node in nodes for value in node.outputs}
    after_anchor: set[Value] = set()
    for node in nodes:
        if not is_elementwise(node.op) or after_anchor.intersection(node.inputs):
            after_anchor.update(node.outputs)
    ordered: list[Node] = []
    known: set[Node] = set()

    def visit(node: Node) -> None:
        if node in known:
            return
        known.add(node)
        operands = node.inputs
        if node.op.commutative and len(operands) == 2:
            operands = tuple(
                sorted(operands, key=lambda v: (v not in after_anchor, v not in producers))
            )
        for value in operands:
            if value in producers:
                visit(producers[value])
        ordered.append(replace(node, inputs=operands))

    for node in (nodes[-1], *nodes):
        visit(node)
    return tuple(ordered)


def region_name(nodes: tuple[Node, ...]) -> str:
    """What a region is called in text and reports: its operators, the repeated ones once."""
    names = list(dict.fromkeys(node.op.name for node in nodes))
    shown = names[:NAMED_OPERATORS]
    return "_".join(shown) + (f"_and_{len(names) - len(shown)}" if len(names) > len(shown) else "")


def _is_parameter(node: Node, value: Value, constants: Mapping[Value, Array]) -> bool:
    """Whether a node reads a number that quantization chose.

    Such numbers differ from layer to layer, and are equal here and there by chance: each use is an
    input of its own.
    """
    return (
        isinstance(node.op, PARAMETERS)
        and value in constants
        and value.type.elements == 1
        and value.type.dtype is DType.I32
    )


def _scalars(nodes: tuple[Node, ...], constants: Mapping[Value, Array]) -> set[Value]:
    """The single-element constants that only elementwise nodes of the region read."""
    scalars = {v for n in nodes for v in n.inputs if v in constants and constants[v].size == 1}
    for node in nodes:
        if not isinstance(node.op, Elementwise):
            scalars.difference_update(node.inputs)
    return scalars
