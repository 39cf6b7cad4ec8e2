"""Convolutions against the interpreter: borders, tails, strides, dilations, groups, epilogues."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.conv2d import Conv2d
from graphopt.schedules.cpu.depthwise import DepthwiseConv2d
from graphopt.targets import load_cpu


def conv(
    image: tuple[int, int, int, int],
    channels: int,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    groups: int = 1,
    bias: bool = True,
    epilogue: str = "",
) -> Region:
    """A convolution of an NHWC `image`, with elementwise nodes after it."""
    build = RegionBuilder()
    x = build.input(*image)
    w = build.constant(channels, image[3] // groups, *kernel)
    inputs = (x, w, build.constant(channels)) if bias else (x, w)
    y = build.apply(ops.Conv(strides, pads, dilations, groups, "NHWC"), *inputs)
    if epilogue == "residual":
        y = build.apply(ops.Relu(), build.apply(ops.Add(), y, build.input(*y.type.dims)))
    elif epilogue == "silu":
        y = build.apply(ops.Mul(), y, build.apply(ops.Sigmoid(), y))
    elif epilogue == "gate":
        gate = build.input(image[0], 1, 1, channels)
        y = build.apply(ops.Mul(), y, build.apply(ops.HardSigmoid(), gate))
    elif epilogue == "column":
        y = build.apply(ops.Add(), y, build.input(1, y.type.dims[1], 1, 1))
    return build.region(y)


DENSE = [
    conv((1, 14, 13, 8), 16, pads=(1, 1, 1, 1)),
    conv((1, 7, 7, 24), 40, pads=(1, 1, 1, 1), epilogue="residual"),
    conv((1, 1, 1, 8), 8, pads=(1, 1, 1, 1)),
    conv((2, 9, 11, 5), 19, strides=(2, 2), pads=(0, 1, 2, 1), epilogue="gate"),
    conv((2, 6, 30, 3), 9, (5, 3), pads=(2, 1, 2, 1), bias=False, epilogue="column"),
    conv((1, 20, 20, 3), 12, (7, 7), (2, 2), (3, 3, 3, 3), epilogue="silu"),
    conv((1, 12, 16, 4), 8, pads=(2, 2, 2, 2), dilations=(2, 2)),
    conv((1, 9, 9, 12), 18, pads=(1, 1, 1, 1), groups=3),
    conv((1, 6, 9, 3), 12, pads=(1, 1, 1, 1), groups=3),
    conv((1, 5, 23, 6), 17, (1, 1), strides=(1, 2)),
    conv((1, 8, 8, 2), 1, (3, 3), pads=(1, 1, 1, 1)),
    conv((1, 9, 40, 1), 33, (1, 5), pads=(0, 2, 0, 2)),
]
POINTWISE = [
    conv((1, 7, 7, 32), 24, (1, 1), epilogue="residual"),
    conv((3, 5, 5, 7), 50, (1, 1), bias=False, epilogue="gate"),
    conv((1, 1, 1, 40), 131, (1, 1), epilogue="silu"),
    conv((1, 3, 43, 1), 8, (1, 1), epilogue="column"),
]
DEPTHWISE = [
    conv((1, 14, 14, 16), 16, pads=(1, 1, 1, 1), groups=16),
    conv((2, 9, 17, 13), 13, strides=(2, 1), pads=(1, 0, 2, 1), groups=13, epilogue="gate"),
    conv((1, 8, 8, 21), 21, (5, 5), pads=(2, 2, 2, 2), groups=21, bias=False, epilogue="silu"),
    conv((1, 2, 30, 8), 8, pads=(1, 1, 1, 1), groups=8, epilogue="residual"),
    conv((1, 10, 9, 3), 3, pads=(2, 2, 2, 2), dilations=(2, 2), groups=3, epilogue="column"),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_conv2d_equals_interpreter(threads: int) -> None:
    check_schedule(Conv2d(), [*DENSE, *POINTWISE], load_cpu("cpu", threads))


@pytest.mark.parametrize("threads", [1, 2])
def test_depthwise_equals_interpreter(threads: int) -> None:
    check_schedule(DepthwiseConv2d(), DEPTHWISE, load_cpu("cpu", threads))


def test_small_caches_cut_the_work_into_blocks() -> None:
    small = replace(load_cpu(), l2_bytes=2048)
    check_schedule(Conv2d(), [DENSE[0], DENSE[3], POINTWISE[0], POINTWISE[1]], small)


@st.composite
def convs(draw: st.DrawFn, depthwise: bool = False) -> Region:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    height, width = (draw(st.integers(r, r + 17)) for r in reach)
    pads = draw(st.tuples(*(st.integers(0, min(3, r)) for r in (*reach, *reach))))
    groups = draw(st.integers(1, 20)) if depthwise else draw(st.integers(1, 3))
    ins = 1 if depthwise else draw(st.integers(1, 9))
    outs = 1 if depthwise else draw(st.integers(1 if groups == 1 else 2, 28))
    return conv(
        (draw(st.integers(1, 2)), height, width, ins * groups),
        outs * groups,
        kernel,
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        pads,
        dilations,
        groups,
        draw(st.booleans()),
        draw(st.sampled_from(["", "residual", "silu", "gate", "column"])),
    )


SLOW_EXAMPLES = settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@SLOW_EXAMPLES
@given(st.lists(convs(), min_size=4, max_size=4))
def test_random_convs(regions: list[Region]) -> None:
    check_schedule(Conv2d(), regions)


@SLOW_EXAMPLES
@given(st.lists(convs(depthwise=True), min_size=4, max_size=4))
def test_random_depthwise_convs(regions: list[Region]) -> None:
    check_schedule(DepthwiseConv2d(), regions)


def test_refusals_are_explained() -> None:
    target = load_cpu()
    region = conv((1, 8, 8, 4), 4, groups=4)
    refused = Conv2d().plan(region.graph, target, region.constants)
    assert refused == Reject("fewer than 2 output channels in a group")
    region = conv((1, 40, 400, 4), 4, (3, 3), pads=(0, 60, 0, 60))
    refused = Conv2d().plan(region.graph, target, region.constants)
    assert refused == Reject("the padding is too wide")
    region = DENSE[0]
    refused = Conv2d().plan(region.graph, target, frozenset())
    assert refused == Reject("the weights are not constant")
