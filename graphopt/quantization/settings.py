"""How to quantize."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphopt.errors import OptionError
from graphopt.quantization.formats import ACTIVATIONS, WEIGHTS
from graphopt.quantization.patches.bits import ValueBits
from graphopt.quantization.ranges import RangeMethod
from graphopt.quantization.weights import (
    RoundingMethod,
    WeightMethod,
)


@dataclass(frozen=True)
class Settings:
    """How to quantize.

    Attributes:
        weights, activations: bits of the layers that `formats` does not name.
        formats: formats of layers by name, such as "w4a8" or "f32".
        ranges: how the range of an activation follows from what the samples show; see
            `choose_quantizer`.
        weight_ranges: how the scale of a channel's weights is chosen; see `quantize_weights`.
        rounding: "nearest", or "learned": see `Learner`.
        symmetric: zero points of activations are 0; 16-bit ones always are.
        quantize_outputs: quantize the outputs of the graph too.
        correct_biases: let biases make up for the mean error of rounded weights.
        floor: an activation or layer of 8 bits that alone leaves the outputs with less signal to
            noise than this, in dB, gets 16 bits; None: all keep theirs.
        equalize: even out the channels between convolutions, where that helps.
        patches: let the head of the network run in these patches; see `Grid.parse`.
        values: how the bits of patches follow from the values in them.
    """

    weights: int = 8
    activations: int = 8
    formats: Mapping[str, str] = field(default_factory=dict[str, str])
    ranges: RangeMethod = "mse"
    weight_ranges: WeightMethod = "mse"
    rounding: RoundingMethod = "learned"
    symmetric: bool = False
    quantize_outputs: bool = False
    correct_biases: bool = True
    floor: float | None = 25.0
    equalize: bool = True
    patches: str | None = None
    values: ValueBits = field(default_factory=ValueBits)


def check_bits(weights: int, activations: int) -> None:
    """Raises OptionError unless there are formats of that many bits."""
    for what, bits, known in (
        ("weights", weights, WEIGHTS),
        ("activations", activations, ACTIVATIONS),
    ):
        if bits not in known:
            raise OptionError(what, f"bits: expected one of {sorted(known)}, found {bits}")
