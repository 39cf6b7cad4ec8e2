"""Resampling of images and other grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Op, TensorType

ResizeMode = Literal["nearest", "linear", "cubic"]
Coordinates = Literal[
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
]
Nearest = Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@dataclass(frozen=True)
class Taps:
    """How one axis is resampled: output i is the sum over t of weights[i, t] * x[index[i, t]].

    Where `outside`, the output is the extrapolation value instead.
    """

    index: Array
    weights: Array
    outside: Array


@dataclass(frozen=True)
class Resize(Op):
    """x resampled to another shape, one axis after the other (ONNX Resize).

    Attributes:
        shape: of the output.
        scales: output size by input size per dimension, as the coordinates use it.
        coordinates: how an output index becomes a place in the input.
        nearest: how that place is rounded in mode "nearest".
        cubic: the coefficient a of mode "cubic".
        exclude_outside: taps beyond the border get no weight and the others more.
        antialias: when shrinking, the filter is as wide as the scale asks.
        extrapolation: the value outside, for "tf_crop_and_resize".
        roi: the region of "tf_crop_and_resize": starts, then ends, per dimension; else empty.
    """

    name = "resize"
    quantized = True

    shape: tuple[int, ...]
    scales: tuple[float, ...]
    mode: ResizeMode = "nearest"
    coordinates: Coordinates = "half_pixel"
    nearest: Nearest = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation: float = 0.0
    roi: tuple[float, ...] = ()

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if not x.rank == len(self.shape) == len(self.scales):
            raise TypeRuleError(self.name, f"shape and scales do not fit {x}")
        if self.roi and len(self.roi) != 2 * x.rank:
            raise TypeRuleError(self.name, f"roi: expected {2 * x.rank} numbers, found {self.roi}")
        if x.quant is not None and self.mode != "nearest":
            raise TypeRuleError(self.name, f"mode {self.mode} is not defined over {x}")
        return (x.moved(self.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        y = x if self.mode == "nearest" else x.astype(np.float64)
        outside = np.zeros((1,) * x.ndim, dtype=bool)
        for axis, size in enumerate(x.shape):
            if size == self.shape[axis] and self.scales[axis] == 1 and not self.roi:
                continue
            taps = self.taps(axis, size)
            column = [-1 if i == axis else 1 for i in range(x.ndim)]
            if self.mode == "nearest":
                y = np.take(y, taps.index[:, 0], axis)
            else:
                y = np.asarray(
                    sum(
                        np.take(y, taps.index[:, t], axis) * taps.weights[:, t].reshape(column)
                        for t in range(taps.index.shape[1])
                    )
                )
            outside = outside | taps.outside.reshape(column)
        if outside.any():
            y = np.where(outside, self.extrapolation, y)
        if np.issubdtype(x.dtype, np.integer):
            limits = np.iinfo(x.dtype)
            y = np.clip(np.rint(y), limits.min, limits.max)
        return (np.ascontiguousarray(y.astype(x.dtype)),)

    def taps(self, axis: int, size: int) -> Taps:
        """The taps of one axis of the input, of `size` elements."""
        place = self._places(axis, size)
        outside = np.zeros(place.shape, dtype=bool)
        if self.coordinates == "tf_crop_and_resize":
            outside = (place < 0) | (place > size - 1)
        if self.mode == "nearest":
            index = np.clip(self._rounded(place), 0, size - 1)[:, None]
            return Taps(index, np.ones(index.shape), outside)
        scale = min(self.scales[axis], 1.0) if self.antialias else 1.0
        radius = (2 if self.mode == "cubic" else 1) / scale
        first = np.floor(place - radius).astype(np.int64) + 1
        count = int(np.ceil(2 * radius))
        index = first[:, None] + np.arange(count)
        distance = np.abs(index - place[:, None]) * scale
        weights = np.where(distance < 2, self._kernel(distance), 0.0)
        inside = (index >= 0) & (index < size)
        if self.exclude_outside or self.antialias:
            weights = np.where(inside, weights, 0.0) if self.exclude_outside else weights
            weights = weights / weights.sum(axis=1, keepdims=True)
        return Taps(np.clip(index, 0, size - 1), weights, outside)

    def _kernel(self, distance: Array) -> Array:
        if self.mode == "linear":
            return np.maximum(0.0, 1.0 - distance)
        a, d = self.cubic, distance
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, near, far)

    def _rounded(self, place: Array) -> Array:
        match self.nearest:
            case "round_prefer_floor":
                rounded = np.ceil(place - 0.5)
            case "round_prefer_ceil":
                rounded = np.floor(place + 0.5)
            case "floor":
                rounded = np.floor(place)
            case "ceil":
                rounded = np.ceil(place)
        return rounded.astype(np.int64)

    def _places(self, axis: int, size: int) -> Array:
        """Where each output element stands in the input, as real coordinates."""
        count, scale = self.shape[axis], self.scales[axis]
        i = np.arange(count, dtype=np.float64)
        match self.coordinates:
            case "half_pixel":
                return (i + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                adjustment = count / (scale * size)
                offset = size / 2 * (1 - adjustment)
                return offset + (i + 0.5) / scale - 0.5
            case "pytorch_half_pixel":
                return (i + 0.5) / scale - 0.5 if count > 1 else np.zeros(count)
            case "align_corners":
                # ONNX means the exact length, size * scale, even where the output is cut off.
                length = size * scale
                return i * (size - 1) / (length - 1) if count > 1 else np.zeros(count)
            case "asymmetric":
                return i / scale
            case "tf_half_pixel_for_nn":
                return (i + 0.5) / scale
            case "tf_crop_and_resize":
                rank = len(self.shape)
                start, end = self.roi[axis], self.roi[rank + axis]
                if count > 1:
                    return start * (size - 1) + i * (end - start) * (size - 1) / (count - 1)
                return np.full(count, 0.5 * (start + end) * (size - 1))
