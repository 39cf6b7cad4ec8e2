"""The formats that layers may take, and what each makes of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphopt.errors import OptionError
from graphopt.ir import Array, DType, Graph, Value
from graphopt.ops.quantization import integer_range
from graphopt.quantization.budget import Budget
from graphopt.quantization.evaluate import Change, Rounding
from graphopt.quantization.formats import Format, parse_format
from graphopt.quantization.groups import QuantizerGroup
from graphopt.quantization.layers import Layer
from graphopt.quantization.loss import Metric
from graphopt.quantization.patches.patching import Patching
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.samples import Sample
from graphopt.quantization.sensitivity import Key, Options
from graphopt.quantization.weights import narrow_weights

Stored = Callable[[Layer, DType], tuple[Array, Array | None]]


@dataclass(frozen=True)
class Request:
    """What to choose formats by.

    Attributes:
        budget: see `read_budget`.
        formats: to choose from, preferred ones first. Those with activations below 8 bits are not
            offered to layers that read an input of the network.
        pinned: formats that are given, by layer; they need not be among `formats`.
        sensitivity: how losses are predicted; see `sensitivity`.
        metric: what to lose least of, higher is better; None: the distance from the float
            network's outputs counts.
        labels: one per sample, for `metric`.
        compare: also measure how well each sensitivity predicts; this takes as long again.
    """

    budget: Budget
    formats: Sequence[str] = ("w8a8", "w4a8", "w2a8")
    pinned: Mapping[str, str] = field(default_factory=dict[str, str])
    sensitivity: str = "output"
    metric: Metric | None = None
    labels: Sequence[Any] = ()
    compare: bool = False


@dataclass(frozen=True)
class Network:
    """A calibrated network.

    Attributes:
        graph: canonical, in floats.
        layers: by name.
        activations: the groups of activations that share quantizers.
        samples: of the inputs, to try formats on.
        quantizer: how a group of activations is stored in a dtype.
        stored: the f32 weights and the bias that a layer computes with when its weights are stored
            in a dtype; None for the bias that it has.
        seconds: what each layer takes in each format, measured; asked under a limit on latency.
        first, step: which of the user's samples `samples` are, so that labels can be found.
        patching: the head that runs patch by patch, if there is one.
    """

    graph: Graph
    layers: Mapping[str, Layer]
    activations: Sequence[QuantizerGroup]
    samples: Iterable[Sample]
    quantizer: Callable[[QuantizerGroup, DType], Quantizer]
    stored: Stored
    seconds: Callable[[Sequence[str]], Mapping[Key, float]]
    target: str = "cpu"
    first: int = 0
    step: int = 1
    patching: Patching | None = None


def format_options(network: Network, request: Request) -> Options:
    """The groups of layers, the formats that each may take, and what a format makes of a layer.

    Formats of patches are offered to the layers that read a map of the head. Layers agree that
    read one group of activations, where formats differ in how those are stored,
    and layers that share their weights. A group with a pinned layer has no choice.

    Raises:
        OptionError: a format or a pinned layer that does not exist, layers of one group that are
            pinned to different formats, or one that can take none of the formats or not its own.
    """
    if not request.formats:
        raise OptionError("formats", "expected at least one to choose from, found none")
    known = (*request.formats, *request.pinned.values())
    formats = {name: parse_format(name) for name in known}
    readers = {value: group for group in network.activations for value in group.values}
    widths = {format.activations.bits for format in formats.values() if format.is_integer}
    widest = max(widths, default=0)
    by_patch = network.patching.maps if network.patching is not None else {}
    differ = len(widths) > 1 or any(format.patched for format in formats.values())
    keys: dict[Any, list[str]] = {}
    for name, layer in network.layers.items():
        together = readers.get(layer.node.inputs[0]) if differ else layer.weights
        keys.setdefault(together or name, []).append(name)
    groups = {names[0]: tuple(names) for names in keys.values()}
    for name, format in request.pinned.items():
        if formats[format].patched and name not in by_patch:
            raise OptionError(
                f"layer {name}",
                f"expected a format without patches, found {format}",
                f"in patches are: {', '.join(by_patch) or 'none'}",
            )
    pinned = _pinned(request.pinned, groups)
    inputs = set(network.graph.inputs)

    def offered(group: str) -> tuple[str, ...]:
        if group in pinned:
            return (pinned[group],)
        first = any(network.layers[name].node.inputs[0] in inputs for name in groups[group])
        head = set(groups[group]) <= set(by_patch)
        found = tuple(
            name
            for name in request.formats
            if (head or not formats[name].patched)
            and not (first and formats[name].activations.bits < 8)
        )
        if not found:
            raise OptionError(
                f"layer {group}",
                f"expected a format for it among the choices, found {', '.join(request.formats)}",
                "it reads an input of the network, or what has no patches: add w8a8",
            )
        return found

    @cache
    def change(name: str, format: str) -> Change:
        return _change(network, network.layers[name], formats[format], readers, widest)

    parts = {name: (1, 1, *network.layers[name].node.inputs[0].type.dims[2:]) for name in by_patch}
    return Options(groups, {group: offered(group) for group in groups}, change, differ, parts)


def _pinned(pinned: Mapping[str, str], groups: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The pinned formats by group."""
    owners = {layer: group for group, layers in groups.items() for layer in layers}
    found: dict[str, str] = {}
    for layer, format in pinned.items():
        if layer not in owners:
            raise OptionError(
                f"layer {layer}", f"expected one of {', '.join(owners)}", "check the name"
            )
        group = owners[layer]
        if found.setdefault(group, format) != format:
            raise OptionError(
                f"layer {layer}",
                f"expected the format {found[group]}, found {format}",
                f"these layers take one format: {', '.join(groups[group])}",
            )
    return found


def _change(
    network: Network,
    layer: Layer,
    format: Format,
    readers: Mapping[Value, QuantizerGroup],
    widest: int,
) -> Change:
    own = network.graph.constants[layer.weights]
    if not format.is_integer:
        # What narrow floats lose of activations is little beside what they lose of weights.
        return Change(narrow_weights(own, layer.axis, format.weights).real)
    weights, bias = network.stored(layer, format.weights)
    group = readers.get(layer.node.inputs[0])
    if group is None or (format.activations.bits == widest and not format.patched):
        return Change(weights, bias)
    chosen = network.quantizer(group, format.activations)
    if format.patched:
        assert network.patching is not None
        return Change(weights, bias, network.patching.rounding(layer, chosen))
    low, high = (end - chosen.zero_point for end in integer_range(chosen.dtype))
    return Change(weights, bias, Rounding(chosen.scale, low, high))
