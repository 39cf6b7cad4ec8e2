"""Integer depthwise convolutions against the interpreter, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.ir import Array, DType
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.integer_depthwise import IntegerDepthwiseConv2d
from graphopt.targets import load_cpu

PADDED = (1, 1, 1, 1)


def numbers(low: int, high: int, *dims: int) -> Array:
    """Random i32 of which the edges are as likely as all between."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(low, high, dims, endpoint=True)
    drawn = np.where(rng.random(dims) < 0.1, high, drawn)
    return np.asarray(np.where(rng.random(dims) < 0.1, low, drawn)).astype(np.int32)


def conv(
    image: tuple[int, int, int, int],
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    x: DType = DType.I8,
    w: DType = DType.I8,
    bias: bool = True,
    to: DType | None = DType.I8,
    residual: bool = False,
) -> Region:
    """A depthwise convolution of an NHWC `image` of type `x`, requantized to type `to`."""
    build = RegionBuilder()
    channels = image[3]
    op = ops.Conv(strides, pads, dilations, channels, "NHWC", -5 if x.is_signed else 9)
    inputs = [build.input(*image, dtype=x), build.constant(channels, 1, *kernel, dtype=w)]
    if bias:
        inputs.append(build.given(numbers(-(2**20), 2**20, channels)))
    y = build.apply(op, *inputs)
    if to is not None:
        factor = build.given(numbers(2**20, 2**24, channels))
        y = build.apply(ops.Rescale(), y, factor, build.given(numbers(-9, 9)))
        if residual:
            other = build.apply(ops.Cast(DType.I32), build.input(*y.type.dims, dtype=to))
            y = build.apply(ops.Add(), y, build.apply(ops.Sub(), other, build.given(numbers(7, 7))))
            y = build.apply(ops.Rescale(), y, build.given(numbers(2**30, 2**30)), other)
        low, high = (-128, 127) if to is DType.I8 else (3, 255)
        y = build.apply(ops.Cast(to), build.apply(ops.Clip(low, high), y))
    return build.region(y)


REGIONS = [
    conv((1, 14, 14, 16), pads=PADDED),
    conv((1, 9, 15, 24), x=DType.U8, to=DType.U8),
    conv((2, 9, 17, 13), strides=(2, 1), pads=(1, 0, 2, 1)),
    conv((1, 8, 8, 21), (5, 5), pads=(2, 2, 2, 2), bias=False, residual=True),
    conv((1, 2, 30, 8), pads=PADDED, to=None),
    conv((1, 10, 9, 3), pads=(2, 2, 2, 2), dilations=(2, 2), x=DType.U8, w=DType.I4),
    conv((1, 11, 12, 8), (2, 4), pads=(0, 3, 1, 2), x=DType.I16, w=DType.I16, to=None),
    conv((1, 7, 9, 8), (1, 3), x=DType.I4, w=DType.I2),
    conv((1, 1, 1, 40), (3, 3), pads=PADDED, residual=True),
    conv((1, 12, 40, 8), (9, 31), pads=(4, 15, 4, 15)),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_integer_depthwise_equals_interpreter(threads: int) -> None:
    check_schedule(IntegerDepthwiseConv2d(), REGIONS, load_cpu("cpu", threads))


def test_small_caches_cut_the_rows_into_strips() -> None:
    small = replace(load_cpu(), l2_bytes=2048)
    check_schedule(IntegerDepthwiseConv2d(), [REGIONS[0], REGIONS[2]], small)


@st.composite
def convs(draw: st.DrawFn) -> Region:
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 4)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    height, width = (draw(st.integers(r, r + 17)) for r in reach)
    return conv(
        (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 40))),
        kernel,
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        draw(st.tuples(*(st.integers(0, min(3, r)) for r in (*reach, *reach)))),
        dilations,
        draw(st.sampled_from([DType.I8, DType.U8, DType.I16])),
        draw(st.sampled_from([DType.I8, DType.I4, DType.I2])),
        draw(st.booleans()),
        draw(st.sampled_from([None, DType.I8, DType.U8])),
        draw(st.booleans()),
    )


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(convs(), min_size=4, max_size=4))
def test_random_integer_depthwise_convs(regions: list[Region]) -> None:
    check_schedule(IntegerDepthwiseConv2d(), regions)


def test_refusals_are_explained() -> None:
    target, region = load_cpu(), REGIONS[0]
    refused = IntegerDepthwiseConv2d().plan(region.graph, target, frozenset())
    assert refused == Reject("the weights are not constant")
    wide = conv((1, 8, 8, 8), x=DType.I32, w=DType.I32, to=None)
    refused = IntegerDepthwiseConv2d().plan(wide.graph, target, wide.constants)
    assert refused == Reject("i32 times i32 does not fit pairs of products")


@pytest.mark.parametrize(("dtype", "nbytes"), [(DType.I8, 144), (DType.I4, 80), (DType.I2, 48)])
def test_weights_are_stored_in_their_own_bits(dtype: DType, nbytes: int) -> None:
    region = conv((1, 8, 8, 16), w=dtype)
    plan = IntegerDepthwiseConv2d().plan(region.graph, load_cpu(), region.constants)
    assert not isinstance(plan, Reject)
    assert plan.packs[1](region.random_inputs()[1]).nbytes == nbytes
