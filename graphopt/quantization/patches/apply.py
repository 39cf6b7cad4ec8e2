"""The plan of a network, for the branches of its patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from graphopt.errors import PlanError
from graphopt.ir import Array, DType, Graph, Value
from graphopt.passes.insert_quantizers import planned_placement
from graphopt.quantization.formats import parse_format
from graphopt.quantization.layers import find_layers
from graphopt.quantization.patches.branches import Branches, split_head
from graphopt.quantization.patches.head import find_head
from graphopt.quantization.patches.plan import PatchedMaps
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.weights import QuantizedWeights

T = TypeVar("T")


@dataclass(frozen=True)
class Applied:
    """A network with branches, and what its layers and activations are stored in.

    Attributes:
        graph: canonical, in floats.
        plan: without patches.
        weights, biases: by the layers of `graph`.
    """

    graph: Graph
    plan: QuantizationPlan
    weights: Mapping[str, QuantizedWeights]
    biases: Mapping[str, Array]


def apply_patches(
    graph: Graph,
    plan: QuantizationPlan,
    weights: Mapping[str, QuantizedWeights],
    biases: Mapping[str, Array],
) -> Applied:
    """What a plan with patches says, as a network with branches and a plan without.

    All branches compute with the integers and biases of the whole network's layers, and store maps
    as it does but where layers read patches of fewer bits.

    Args:
        graph: the canonical float network that the plan is for.
        weights, biases: by the layers of `graph`.

    Raises:
        PlanError: the plan has patches of a layer that reads no map of the head, or of another
            number than the head's.
        OptionError: the network has no such head.
    """
    assert plan.patches is not None
    branches = split_head(graph, find_head(graph, plan.patches.grid))
    _check(plan.patches, branches)
    formats, low = _formats(plan, branches)
    floats = set(plan.float_activations)
    floats |= {v.name for v, (origin, _) in branches.values.items() if origin.name in floats}
    split = replace(plan, formats=formats, float_activations=tuple(floats), patches=None)
    return Applied(
        branches.graph,
        replace(split, activations=_activations(graph, plan, branches, split, low)),
        _by_branch(weights, branches),
        _by_branch(biases, branches),
    )


def _check(patches: PatchedMaps, branches: Branches) -> None:
    counts: dict[str, int] = {}
    for layer, patch in branches.layers.values():
        counts[layer] = counts.get(layer, 0) + (patch is not None)
    for name, map in patches.maps.items():
        if counts.get(name, 0) != len(map.bits):
            raise PlanError(
                f"layer {name}",
                f"patches: expected bits of {counts.get(name, 0)}, found {len(map.bits)}",
                "the plan is for another network or grid",
            )


def _by_branch(found: Mapping[str, T], branches: Branches) -> dict[str, T]:
    return {name: found[layer] for name, (layer, _) in branches.layers.items() if layer in found}


def _formats(
    plan: QuantizationPlan, branches: Branches
) -> tuple[dict[str, str], dict[Value, list[Quantizer]]]:
    """The formats of the branches' layers, and what stores their inputs in fewer bits."""
    assert plan.patches is not None
    layers = find_layers(branches.graph)
    formats: dict[str, str] = {}
    low: dict[Value, list[Quantizer]] = {}
    for name, (layer, patch) in branches.layers.items():
        format = parse_format(plan.formats[layer])
        formats[name] = plan.formats[layer]
        if not format.patched:
            continue
        if patch is None or layer not in plan.patches.maps:
            raise PlanError(
                f"layer {layer}", f"expected patches of what it reads for {formats[name]}"
            )
        map = plan.patches.maps[layer]
        bits = map.bits[patch]
        formats[name] = f"w{format.weights.bits}a{bits}"
        if bits in map.quantizers:
            read = layers[name].node.inputs[0]
            low.setdefault(read, []).append(map.quantizers[bits])
    return formats, low


def _activations(
    graph: Graph,
    plan: QuantizationPlan,
    branches: Branches,
    split: QuantizationPlan,
    low: Mapping[Value, list[Quantizer]],
) -> dict[str, tuple[Quantizer, ...]]:
    """The quantizers of the activations of the network with branches, of the plan `split`."""
    owners = {
        value: group.name
        for group in planned_placement(graph, plan).groups
        for value in group.values
    }
    found: dict[str, tuple[Quantizer, ...]] = {}
    for group in planned_placement(branches.graph, split).groups:
        origins = (branches.values[v][0] if v in branches.values else v for v in group.values)
        name = next((owners[value] for value in origins if value in owners), group.name)
        plan.quantizer(name)
        chosen: dict[DType, Quantizer] = {q.dtype: q for q in plan.activations[name]}
        # What one patch stores in fewer bits, others may store in those of the whole map.
        chosen |= {q.dtype: q for value in group.values for q in low.get(value, ())}
        found[group.name] = tuple(chosen.values())
    return found
