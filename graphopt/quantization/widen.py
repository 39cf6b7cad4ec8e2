"""Give 16 bits to what 8 bits are too coarse for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from graphopt.ir import DType, Graph, Node
from graphopt.quantization.coarse import Coarse
from graphopt.quantization.groups import QuantizerGroup
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.roles import Role, role
from graphopt.quantization.weights import QuantizedWeights

# Sums of products are held in i32; the zero point of 8 bits may double the largest number.
LIMIT = 2**31
SPAN = {8: 255, 16: 2**15}


def widened(
    graph: Graph,
    plan: QuantizationPlan,
    coarse: Coarse,
    wide: Mapping[QuantizerGroup, Quantizer],
    weights: Mapping[str, QuantizedWeights],
) -> QuantizationPlan:
    """The plan with 16 bits for what is coarse, where the sums of its readers still fit 32 bits.

    An activation that only functions of one number read is not quantized at all: its reader then
    computes in floats from the sums before it.

    Args:
        plan: with 8 bits everywhere.
        wide: the quantizer of 16 bits of each group.
        weights: of the layers, in the format that the plan gives them.
    """
    layers = find_layers(graph)
    formats = dict(plan.formats)
    activations = dict(plan.activations)
    floats = list(plan.float_activations)
    for group, quantizer in wide.items():
        if group.name not in coarse.groups or plan.quantizer(group.name).dtype is DType.I16:
            continue
        readers = _readers(graph, group)
        read = {name: layer for name, layer in layers.items() if layer.node in readers}
        others = {role(graph, n) for n in readers - {layer.node for layer in read.values()}}
        if not read and others == {Role.FUNCTION}:
            floats += [value.name for value in group.values]
        elif Role.KERNEL not in others and all(_fits(weights[n], 16) for n in read):
            activations[group.name] = (quantizer, *activations[group.name])
            formats |= {name: "w8a16" for name in read}
    for name in coarse.layers:
        if formats[name] == "w8a8" and _fits_wide(layers[name]):
            formats[name] = "w16a8"
    return replace(plan, activations=activations, formats=formats, float_activations=tuple(floats))


def _readers(graph: Graph, group: QuantizerGroup) -> set[Node]:
    users = graph.users()
    readers = {node for value in group.values for node in users.get(value, ())}
    return {node for node in readers if set(node.outputs).isdisjoint(group.values)}


def _fits(weights: QuantizedWeights, bits: int) -> bool:
    """Whether sums of products with activations of so many bits fit 32 bits."""
    stored = np.abs(weights.stored.astype(np.int64))
    terms = stored.sum(axis=tuple(i for i in range(stored.ndim) if i != weights.axis))
    return bool(terms.max(initial=0) * SPAN[bits] < LIMIT)


def _fits_wide(layer: Layer) -> bool:
    """Whether sums of products of 16-bit weights with 8-bit activations fit 32 bits."""
    terms = layer.weights.type.elements // int(layer.weights.type.dims[layer.axis])
    return terms * 2**15 * SPAN[8] < LIMIT
