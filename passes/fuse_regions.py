"""Make every kernel of the program a region node."""

from collections.abc import Mapping
from dataclasses import replace

from graphopt.analysis.regions import partition
from graphopt.instruments import current
from graphopt.ir import Array, Graph, Location, Node, Value
from graphopt.ops import Elementwise, Fused, Rescale
from graphopt.rewrite import Pass

NAMED_OPERATORS = 5


class FuseRegions(Pass):
    """Nodes become `fused` regions, as `analysis.regions.partition` decides; each is one kernel.

    Regions that compute the same print the same: names inside are positional. Constants stay
    inputs of the region, but for single numbers that elementwise operators read: they go into
    the body, where kernels see their values. The parameters of quantize, dequantize and rescale
    stay outside, or each layer of a quantized network would be a kernel of its own.
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
    scalars = _scalars(nodes, constants)
    inner: dict[Value, Value] = {}
    body_constants: dict[Value, Array] = {}
    inputs: list[Value] = []
    body: list[Node] = []
    produced = {value for node in nodes for value in node.outputs}
    for node in nodes:
        operands = node.inputs
        if node.op.commutative and len(operands) == 2 and operands[1] in produced:
            # One order of operands, so that x + conv(y) and conv(y) + x are the same kernel.
            operands = operands if operands[0] in produced else operands[::-1]
        for value in operands:
            if value in inner:
                continue
            if value in scalars:
                inner[value] = Value(f"c{len(body_constants)}", value.type)
                body_constants[inner[value]] = constants[value]
            else:
                inner[value] = Value(f"x{len(inputs)}", value.type)
                inputs.append(value)
        for value in node.outputs:
            inner[value] = Value(f"v{len(inner) - len(inputs) - len(body_constants)}", value.type)
        body.append(
            replace(
                node,
                inputs=tuple(inner[v] for v in operands),
                outputs=tuple(inner[v] for v in node.outputs),
            )
        )
    results = nodes[-1].outputs
    graph = Graph(
        region_name(nodes),
        tuple(inner[v] for v in inputs),
        tuple(body),
        tuple(inner[v] for v in results),
        body_constants,
    )
    location = sum((node.location for node in nodes), Location())
    return Node(Fused(graph), tuple(inputs), results, location)


def region_name(nodes: tuple[Node, ...]) -> str:
    """What a region is called in text and reports: its operators, the repeated ones once."""
    names = list(dict.fromkeys(node.op.name for node in nodes))
    shown = names[:NAMED_OPERATORS]
    return "_".join(shown) + (f"_and_{len(names) - len(shown)}" if len(names) > len(shown) else "")


def _scalars(nodes: tuple[Node, ...], constants: Mapping[Value, Array]) -> set[Value]:
    """The single-element constants that only elementwise nodes of the region read."""
    scalars = {v for n in nodes for v in n.inputs if v in constants and constants[v].size == 1}
    for node in nodes:
        if not isinstance(node.op, Elementwise) or isinstance(node.op, Rescale):
            scalars.difference_update(node.inputs)
    return scalars
