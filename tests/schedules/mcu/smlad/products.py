"""Regions of one quantized product, for tests and benchmarks of kernels."""

from __future__ import annotations

import math

import numpy as np

from graphopt import ops
from graphopt.ir import DType, Value
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.ops.quantization import integer_range


def convolution(
    size: tuple[int, int],
    channels: int,
    outputs: int,
    kernel: tuple[int, int] = (1, 1),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    *,
    groups: int = 1,
    images: int = 1,
    x: DType = DType.I8,
    weights: DType = DType.I8,
    pad_value: int = 0,
    bias: bool = True,
    per_channel: bool = True,
    low: int | None = None,
    residual: bool = False,
) -> Region:
    """A convolution in NHWC, requantized to the type of x.

    `low` raises the lower end of its range; `residual` adds a tensor to it.
    """
    build, rng = RegionBuilder(), np.random.default_rng(1)
    image = build.input(images, *size, channels, dtype=x)
    w = build.constant(outputs, channels // groups, *kernel, dtype=weights)
    biases = [_given(build, rng.integers(-9999, 9999, outputs))] if bias else []
    op = ops.Conv(strides, pads, dilations, groups, "NHWC", pad_value)
    total = build.apply(op, image, w, *biases)
    taps = channels // groups * math.prod(kernel)
    factors = _factors(rng, taps, weights, outputs if per_channel else 1)
    multiplier = factors.reshape((1, 1, 1, -1) if per_channel else ())
    return build.region(_requantized(build, total, multiplier, x, low, residual))


def fully_connected(
    taps: int,
    outputs: int,
    *,
    rows: int = 1,
    x: DType = DType.I8,
    weights: DType = DType.I8,
    bias: bool = True,
    per_channel: bool = False,
    transposed: bool = False,
    low: int | None = None,
    residual: bool = False,
) -> Region:
    """A matrix product with constant weights, requantized to the type of x."""
    build, rng = RegionBuilder(), np.random.default_rng(1)
    vector = build.input(rows, taps, dtype=x)
    w = build.constant(*((outputs, taps) if transposed else (taps, outputs)), dtype=weights)
    total = build.apply(ops.MatMul(transpose_b=transposed), vector, w)
    if bias:
        biases = _given(build, rng.integers(-9999, 9999, (1, outputs)))
        total = build.apply(ops.Add(), total, biases)
    factors = _factors(rng, taps, weights, outputs if per_channel else 1)
    multiplier = factors.reshape((1, -1) if per_channel else ())
    return build.region(_requantized(build, total, multiplier, x, low, residual))


def _factors(
    rng: np.random.Generator, taps: int, weights: DType, count: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Multipliers that spread the results over 8 bits."""
    reach = 2.0 ** min(weights.bits - 1, 8) * math.sqrt(taps) / 2
    return rng.integers(int(2**31 / reach), int(2**32 / reach), count) // 2


def _requantized(
    build: RegionBuilder,
    total: Value,
    multiplier: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    dtype: DType,
    low: int | None,
    residual: bool,
) -> Value:
    bounds = integer_range(dtype)
    offset = _given(build, np.asarray(5 if dtype.is_signed else 100))
    total = build.apply(ops.Rescale(), total, _given(build, multiplier), offset)
    total = build.apply(ops.Clip(bounds[0] if low is None else low, bounds[1]), total)
    result = build.apply(ops.Cast(dtype), total)
    if not residual:
        return result
    skip = build.input(*result.type.dims, dtype=dtype)
    wide = (build.apply(ops.Cast(DType.I32), value) for value in (result, skip))
    clipped = build.apply(ops.Clip(*bounds), build.apply(ops.Add(), *wide))
    return build.apply(ops.Cast(dtype), clipped)


def _given(build: RegionBuilder, array: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Value:
    return build.given(array.astype(np.int32))
