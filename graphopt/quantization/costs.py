"""What a format of a layer costs: bytes, bit operations, and memory while the network runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphopt.analysis.live_ranges import live_ranges
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Fused, Identity, Reshape
from graphopt.passes.fuse_regions import FuseRegions
from graphopt.quantization.formats import Format
from graphopt.quantization.layers import Layer
from graphopt.quantization.patches.patching import Patching
from graphopt.solver.precision import Row

WEIGHT_BYTES, BOPS, LATENCY, ACTIVATION_BYTES = COSTS = (
    "weight_bytes",
    "bops",
    "latency",
    "activation_bytes",
)
ELEMENT_BYTES = "bytes of one activation"


def layer_costs(layer: Layer, format: Format, patching: Patching | None = None) -> dict[str, float]:
    """The bytes of the packed weights, and the bit operations of one run.

    Scales and biases are not counted; what patches compute twice is.
    """
    bops = patching.bops(layer, format) if patching is not None else format.bops(layer.node.macs)
    return {
        WEIGHT_BYTES: -(-layer.weights.type.elements * format.weights.bits // 8),
        BOPS: bops,
    }


def activation_rows(
    graph: Graph,
    layers: Mapping[str, Layer],
    groups: Mapping[str, str],
    quantized: Collection[Value],
) -> tuple[Row, ...]:
    """The activations that are in memory during each kernel, as rows of a limit on their peak.

    An activation is stored in the format of the layers that read it, where only layers of one
    group do. Else it takes a byte per element if it is quantized, and what its type takes if not.

    Args:
        graph: canonical, with float activations.
        groups: the group of each layer.
        quantized: the activations that get quantizers.
    """
    readers: dict[Value, set[str | None]] = {}
    by_node = {layer.node: name for name, layer in layers.items()}
    for node in graph.nodes:
        name = by_node.get(node)
        for value in dict.fromkeys(node.inputs):
            reader = groups[name] if name is not None else None
            readers.setdefault(value, set()).add(reader)
    for value in graph.outputs:
        readers.setdefault(value, set()).add(None)
    fused = FuseRegions().run(graph)
    aliases = {node.output: node.inputs[0] for node in fused.nodes if _is_alias(node)}
    amounts: list[dict[str, float]] = [{} for _ in fused.nodes]
    fixed = [0.0] * len(fused.nodes)
    for each in live_ranges(fused, aliases):
        stored = max(each.values, key=lambda v: v.type.nbytes)
        found = set[str | None]().union(*(readers.get(v, set()) for v in each.values))
        for step in range(each.first, each.last + 1):
            if len(each.values) == len(found) == 1 and None not in found and stored in quantized:
                (group,) = found
                assert group is not None
                amounts[step][group] = amounts[step].get(group, 0.0) + stored.type.elements
            else:
                fixed[step] += stored.type.elements if stored in quantized else each.nbytes
    return tuple(Row(a, f) for a, f in zip(amounts, fixed, strict=True))


def _is_alias(node: Node) -> bool:
    """Whether a fused node only renames its input."""
    return isinstance(node.op, Fused) and all(
        isinstance(inner.op, Reshape | Identity) for inner in node.op.body.nodes
    )
