"""Weights as integers: one symmetric scale per output channel; biases on the scale of the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from graphopt.analysis.axes import column
from graphopt.errors import OptionError
from graphopt.ir import Array, DType
from graphopt.ops.quantization import integer_range

WeightMethod = Literal["minmax", "mse"]
WEIGHT_METHODS: tuple[WeightMethod, ...] = get_args(WeightMethod)
RoundingMethod = Literal["nearest", "learned"]
ROUNDING_METHODS: tuple[RoundingMethod, ...] = get_args(RoundingMethod)
# How far "mse" draws the largest weight of a channel in, as shares of it.
SHARES = np.linspace(1.0, 0.35, 53)
Scales = NDArray[np.float32]


@dataclass(frozen=True)
class QuantizedWeights:
    """Integers, or floats of 8 bits, and their scales; real = scale[channel] * stored.

    Attributes:
        stored: of the weights' shape, in the numpy dtype of their format.
        scales: one per index of `axis`, all above 0.
    """

    stored: Array
    scales: Scales
    axis: int

    @property
    def real(self) -> Array:
        """The f32 weights that the integers stand for."""
        return self.stored.astype(np.float32) * along(self.scales, self.axis, self.stored.ndim)


def along(scales: Scales, axis: int, rank: int) -> Scales:
    """One number per index of `axis`, laid out to multiply a tensor of `rank`."""
    return scales.reshape(column(axis, rank))


def quantize_weights(
    weights: Array, axis: int, dtype: DType, method: WeightMethod = "mse"
) -> QuantizedWeights:
    """Round f32 weights to integers, each index of `axis` with its own scale.

    The integers go from -(2^(b-1)-1) to 2^(b-1)-1, with 4 bits and less down to -2^(b-1). A
    channel that is all zeros gets the largest scale of the others, so that its sums are on a scale
    like theirs.

    Args:
        method: "minmax" puts the largest weight of a channel on the largest integer; "mse" takes
            the scale with the least squared error.

    Raises:
        OptionError: no such method.
    """
    if method not in WEIGHT_METHODS:
        raise OptionError(
            "weight ranges", f"expected one of {', '.join(WEIGHT_METHODS)}, found {method!r}"
        )
    scales = weight_scales(weights, axis, dtype, method)
    return round_weights(weights, scales, axis, dtype)


def narrow_weights(weights: Array, axis: int, dtype: DType) -> QuantizedWeights:
    """f32 weights as narrower floats; those of 8 bits each channel in its own scale.

    The largest weight of a channel is then the largest float (Kuzmin et al. 2022, arXiv
    2208.09225, call the scale a flexible exponent bias). Wider floats need no scales: they are 1.
    """
    channels = weights.shape[axis]
    scales = np.ones(channels, np.float32)
    if dtype.bits == 8:
        others = tuple(i for i in range(weights.ndim) if i != axis)
        most = float(ml_dtypes.finfo(dtype.numpy).max)  # type: ignore[no-untyped-call]
        largest = np.abs(weights).max(axis=others, initial=0).astype(np.float32)
        scales = np.where(largest > 0, largest / np.float32(most), scales)
    stored = (weights / along(scales, axis, weights.ndim)).astype(dtype.numpy)
    return QuantizedWeights(stored, scales, axis)


def round_weights(weights: Array, scales: Scales, axis: int, dtype: DType) -> QuantizedWeights:
    """The nearest integers to weights on given scales."""
    least, most = weight_range(dtype)
    steps = np.rint(weights / along(scales, axis, weights.ndim))
    stored = np.clip(steps, least, most).astype(np.int32).astype(dtype.numpy)
    return QuantizedWeights(stored, scales, axis)


def weight_range(dtype: DType) -> tuple[int, int]:
    """The integers that weights of a format use."""
    least, most = integer_range(dtype)
    return (least if most <= 7 else -most, most)


def weight_scales(weights: Array, axis: int, dtype: DType, method: WeightMethod) -> Scales:
    """One scale per index of `axis`."""
    rows = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.float32)
    least, most = weight_range(dtype)
    peaks = np.abs(rows).max(axis=1, initial=0.0)
    scales = _usable(peaks / np.float32(most))
    if method == "minmax":
        return scales
    best, least_error = scales, _row_errors(rows, scales, least, most)
    for share in SHARES[1:]:
        tried = scales * np.float32(share)
        errors = _row_errors(rows, tried, least, most)
        best = np.where(errors < least_error, tried, best)
        least_error = np.minimum(errors, least_error)
    return best.astype(np.float32)


def _usable(scales: Scales) -> Scales:
    """The scales, with the largest one (or 1) for those of no weight."""
    largest = scales.max(initial=0.0)
    substitute = largest if largest > 1e-30 else np.float32(1.0)
    return np.where(scales > 1e-30, scales, substitute).astype(np.float32)


def _row_errors(rows: Scales, scales: Scales, least: int, most: int) -> Scales:
    steps = rows / scales[:, None]
    differences = np.clip(np.rint(steps), least, most) - steps
    errors: Scales = np.einsum("ij,ij->i", differences, differences) * scales**2
    return errors


def quantize_bias(bias: Array, scales: NDArray[np.float32]) -> NDArray[np.int32]:
    """The nearest i32 multiples of the scale of each channel's sums."""
    steps = np.rint(bias.astype(np.float64) / scales.astype(np.float64))
    limits = np.iinfo(np.int32)
    return np.clip(steps, limits.min, limits.max).astype(np.int32)


def widen_for_bias(scales: Scales, bias: Array, input_scale: float) -> Scales:
    """Weight scales, enlarged where the bias would not fit i32 on `input_scale` times them."""
    # A quarter of the range is left for the products.
    needed = np.abs(bias.astype(np.float64)) / (0.75 * 2**31) / input_scale
    wider: Scales = np.maximum(scales, needed.astype(np.float32) * np.float32(1 + 1e-6))
    return wider


def fit_bias(
    weights: QuantizedWeights, bias: Array, groups: int, input_scale: float
) -> QuantizedWeights:
    """The weights, on larger scales where the bias would not fit i32 on the scale of the sums.

    Args:
        bias: one f32 number per output channel.
        groups: how many times the channels of the weights repeat among the output channels.
        input_scale: of the activation that the layer reads.
    """
    largest = np.abs(bias).reshape(groups, -1).max(axis=0)
    scales = widen_for_bias(weights.scales, largest, input_scale)
    if (scales == weights.scales).all():
        return weights
    return round_weights(weights.real, scales, weights.axis, DType.of(weights.stored))


def quantize_constant(array: Array, dtype: DType) -> QuantizedWeights:
    """A constant operand on one symmetric scale; a single number is kept to f32 precision."""
    most = integer_range(dtype)[1]
    scale = _usable(np.abs(array).max(initial=0.0).reshape(1) / np.float32(most))
    stored = np.clip(np.rint(array / scale), -most, most).astype(dtype.numpy)
    return QuantizedWeights(stored.reshape(array.shape), scale, 0)
