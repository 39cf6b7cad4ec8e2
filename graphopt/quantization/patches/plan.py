"""What was decided for the patches of a network's head, as a plan holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphopt.quantization.patches.head import Grid
from graphopt.quantization.ranges import Quantizer


@dataclass(frozen=True)
class MapBits:
    """How the patches of one map are stored, where layers read it by patch.

    Attributes:
        bits: of each patch.
        outliers: whether each patch holds outliers.
        quantizers: for the bits below 8 that occur, what stores the patches.
    """

    bits: tuple[int, ...]
    outliers: tuple[bool, ...]
    quantizers: Mapping[int, Quantizer] = field(default_factory=dict[int, Quantizer])


@dataclass(frozen=True)
class PatchedMaps:
    """A head that runs patch by patch.

    Attributes:
        grid: of the patches of its output.
        maps: what the layers with formats of patches read, by the layer's name.
    """

    grid: Grid
    maps: Mapping[str, MapBits] = field(default_factory=dict[str, MapBits])
