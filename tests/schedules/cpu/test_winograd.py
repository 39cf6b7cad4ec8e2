"""Winograd's algorithm gives the interpreter's bits: borders, odd sizes, tails, extreme numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.winograd import Winograd
from graphopt.targets import load_cpu
from tests.schedules.cpu.integer_regions import conv

SIGNED = (DType.I8, DType.I8)
ONES = (1, 1, 1, 1)
CONVS = [
    conv((1, 14, 13, 16), 24, pads=ONES, pad_value=117),
    conv((2, 13, 11, 29), 37, pads=(0, 1, 2, 1), types=SIGNED, pad_value=-128, epilogue="residual"),
    conv((1, 12, 12, 40), 32, types=SIGNED, epilogue="sums"),
    conv((1, 14, 9, 24), 17, pads=ONES, bias=False, epilogue="float"),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_kernels_equal_the_interpreter(threads: int) -> None:
    check_schedule(Winograd(), CONVS, load_cpu("cpu", threads))


def test_small_caches_cut_the_work_into_blocks() -> None:
    check_schedule(Winograd(), CONVS, replace(load_cpu(), l2_bytes=16384))


def test_extreme_numbers_do_not_overflow() -> None:
    build = RegionBuilder()
    x = build.given(np.full((1, 6, 6, 300), 255, np.uint8))
    w = build.given(np.full((8, 300, 3, 3), -128, np.int8))
    op = ops.Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC", 255)
    check_schedule(Winograd(), [build.region(build.apply(op, x, w))])


@st.composite
def convs(draw: st.DrawFn) -> Region:
    height, width = draw(st.tuples(st.integers(5, 20), st.integers(5, 20)))
    return conv(
        (draw(st.integers(1, 2)), height, width, draw(st.integers(10, 40))),
        draw(st.integers(10, 40)),
        pads=draw(st.tuples(*(st.integers(0, 3) for _ in range(4)))),
        types=(draw(st.sampled_from([DType.U8, DType.I8])), DType.I8),
        bias=draw(st.booleans()),
        pad_value=draw(st.integers(0, 127)),
        epilogue=draw(st.sampled_from(["i8", "residual", "float", "sums"])),
    )


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
@given(convs(), st.integers(1, 2))
def test_random_convs(region: Region, threads: int) -> None:
    target = load_cpu("cpu", threads)
    assume(not isinstance(Winograd().plan(region.graph, target, region.constants), Reject))
    check_schedule(Winograd(), [region], target)


def test_refusals_are_explained() -> None:
    target = load_cpu()
    for region, reason in (
        (conv((1, 8, 8, 16), 16, (5, 5)), "expected a 3x3 kernel, stride 1, dilation 1, one group"),
        (
            conv((1, 8, 8, 16), 16, types=(DType.I16, DType.I8), epilogue="sums"),
            "transformed numbers would not fit the operands of an instruction",
        ),
        (
            conv((1, 8, 8, 16), 16, types=(DType.U8, DType.I4)),
            "steps of more than two products are faster",
        ),
        (conv((1, 4, 4, 2000), 8), "more than 1827 channels could overflow the sums"),
        (conv((1, 3, 3, 2), 4), "the transformations cost more than they save"),
    ):
        assert Winograd().plan(region.graph, target, region.constants) == Reject(reason)
