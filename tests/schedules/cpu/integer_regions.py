"""Regions of integer kernels: a sum of products, then what makes bytes of it."""

from __future__ import annotations

import numpy as np

from graphopt import ops
from graphopt.ir import DType, Value
from graphopt.lower.testing import Region, RegionBuilder


def requantized(build: RegionBuilder, sums: Value, depth: int, epilogue: str) -> Value:
    """i8 from i32 sums of `depth` products of bytes."""
    channels = sums.type.dims[-1]
    rng = np.random.default_rng(depth)
    factor = 2.0**32 / (60 * depth**0.5 * 127)
    multiplier = build.given((factor * rng.uniform(0.5, 1, channels)).astype(np.int32))
    offset = build.given(np.array([-20], np.int32))
    y = build.apply(ops.Rescale(), sums, multiplier, offset)
    if epilogue == "residual":
        other = build.apply(ops.Cast(DType.I32), build.input(*y.type.dims, dtype=DType.I8))
        y = build.apply(ops.Add(), y, build.apply(ops.Rescale(), other, multiplier, offset))
    elif epilogue == "float":
        real = build.apply(ops.Cast(DType.F32), y)
        return build.apply(ops.Mul(), real, build.constant(1))
    return build.apply(ops.Cast(DType.I8), build.apply(ops.Clip(-128, 127), y))


def conv(
    image: tuple[int, int, int, int],
    channels: int,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    groups: int = 1,
    types: tuple[DType, DType] = (DType.U8, DType.I8),
    bias: bool = True,
    pad_value: int = 0,
    epilogue: str = "i8",
) -> Region:
    """A convolution of an NHWC `image`, and what makes bytes of its sums."""
    build = RegionBuilder()
    x = build.input(*image, dtype=types[0])
    w = build.constant(channels, image[3] // groups, *kernel, dtype=types[1])
    inputs = [x, w]
    if bias:
        inputs.append(build.given(np.arange(channels, dtype=np.int32) * 37 - 500))
    op = ops.Conv(strides, pads, dilations, groups, "NHWC", pad_value)
    depth = kernel[0] * kernel[1] * image[3] // groups
    y = build.apply(op, *inputs)
    return build.region(y if epilogue == "sums" else requantized(build, y, depth, epilogue))


def product(
    a: tuple[int, ...],
    b: tuple[int, ...],
    types: tuple[DType, DType] = (DType.I8, DType.I8),
    transpose: bool = False,
    epilogue: str = "i8",
) -> Region:
    """a @ b for a constant b, and what makes bytes of its sums."""
    build = RegionBuilder()
    op = ops.MatMul(transpose_b=transpose)
    y = build.apply(op, build.input(*a, dtype=types[0]), build.constant(*b, dtype=types[1]))
    bias = build.given(np.arange(y.type.dims[-1], dtype=np.int32) * 91 - 700)
    y = build.apply(ops.Add(), y, bias)
    return build.region(requantized(build, y, a[-1], epilogue))
