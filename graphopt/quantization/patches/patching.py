"""Bits for every patch of what the layers of a network's head read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graphopt.ir import DType, Graph
from graphopt.ops.quantization import integer_range
from graphopt.quantization.evaluate import Rounding
from graphopt.quantization.formats import ACTIVATIONS, Format, parse_format
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.patches.bits import WIDEST, ValueBits, choose_bits
from graphopt.quantization.patches.head import Head
from graphopt.quantization.patches.observe import merged, observe, read_maps
from graphopt.quantization.patches.outliers import central_bounds, outlier_patches
from graphopt.quantization.patches.plan import MapBits, PatchedMaps
from graphopt.quantization.ranges import Histogram, Quantizer
from graphopt.quantization.samples import Sample

Choose = Callable[[Histogram, DType], Quantizer]


@dataclass(frozen=True)
class Patching:
    """A head, and the bits of the patches of what its layers read.

    Attributes:
        maps: by the name of the layer, what it reads; without those that read the image.
    """

    graph: Graph
    head: Head
    maps: Mapping[str, MapBits]

    @cached_property
    def macs(self) -> dict[str, tuple[int, ...]]:
        """The multiplications of each patch, halo included, for the layers of the head."""
        names = {value: name for name, value in self.head.maps.items()}
        return {
            layer.name: self.head.macs(names[layer.node.output])
            for layer in find_layers(self.graph).values()
            if layer.node.output in names
        }

    def bops(self, layer: Layer, format: Format) -> int:
        """The bit operations of a layer, those of halos included."""
        if layer.name not in self.macs:
            return format.bops(layer.node.macs)
        macs = self.macs[layer.name]
        if not format.patched:
            return format.bops(sum(macs))
        bits = self.maps[layer.name].bits
        return format.weights.bits * sum(m * b for m, b in zip(macs, bits, strict=True))

    def planned(self, formats: Mapping[str, str]) -> PatchedMaps:
        """The patches of the layers whose formats are of patches."""
        chosen = {name for name, format in formats.items() if parse_format(format).patched}
        maps = {name: each for name, each in self.maps.items() if name in chosen}
        return PatchedMaps(replace(self.head.grid, output=self.head.output.name), maps)

    def rounding(self, layer: Layer, whole: Quantizer) -> Rounding:
        """How a layer's input is rounded in the network as a whole, patch by patch.

        Halos are rounded as the patches that they lie in, which is nearly what branches compute.

        Args:
            whole: what stores the patches of 8 bits.
        """
        chosen = self.maps[layer.name]
        _, _, *size = layer.node.inputs[0].type.dims
        scale, low, high = (np.empty((1, 1, *size), np.float32) for _ in range(3))
        grid = self.head.grid
        for bits, (rows, columns) in zip(chosen.bits, grid.rectangles(*size), strict=True):
            stored = chosen.quantizers.get(bits, whole)
            least, most = integer_range(stored.dtype)
            here = (0, 0, slice(rows.lo, rows.hi), slice(columns.lo, columns.hi))
            scale[here] = stored.scale
            low[here], high[here] = least - stored.zero_point, most - stored.zero_point
        return Rounding(scale, low, high)


def patch_bits(
    graph: Graph,
    head: Head,
    samples: Iterable[Sample],
    settings: ValueBits,
    choose: Choose,
    target: str = "cpu",
) -> Patching:
    """The bits of the patches of all that layers of the head read, by their values.

    A patch whose values lie outside of the central mass of its map keeps 8 bits. The others are
    stored in integers that cover what they alone hold; see `choose_bits`.

    Args:
        graph: the canonical float network.
        choose: the quantizer for what a histogram saw, in a dtype.
    """
    inside = set(head.maps.values())
    layers = {
        name: layer
        for name, layer in find_layers(graph).items()
        if layer.node.output in inside and layer.node.inputs[0] not in graph.inputs
    }
    read = {layer.node.inputs[0] for layer in layers.values()}
    names = read_maps(head, read)
    seen = observe(graph, head, names, samples, target)
    found = {head.maps[name]: _map_bits(seen[name], settings, choose) for name in names}
    return Patching(
        graph, head, {name: found[layer.node.inputs[0]] for name, layer in layers.items()}
    )


def _map_bits(patches: list[Histogram], settings: ValueBits, choose: Choose) -> MapBits:
    outliers = outlier_patches(
        patches, central_bounds(merged(patches), settings.phi), settings.tolerated
    )
    calm = merged(p for p, outlier in zip(patches, outliers, strict=True) if not outlier)
    quantizers = {bits: choose(calm, ACTIVATIONS[bits]) for bits in settings.bits}
    bits = choose_bits(patches, outliers, quantizers, settings)
    used = {b: q for b, q in quantizers.items() if b < WIDEST and b in bits}
    return MapBits(tuple(bits), tuple(outliers), used)
