"""Convolutions and products of integers: the interpreter's bits, for any geometry and target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.batched_matmul import BatchedMatMul
from graphopt.schedules.cpu.integer_conv2d import IntegerConv2d
from graphopt.schedules.cpu.integer_matmul import IntegerMatMul
from graphopt.targets import CpuTarget, load_cpu
from tests.schedules.cpu.integer_regions import conv, product, requantized

HOST = load_cpu()
# Steps of four products, computed by plain operations where the host has no instruction for them.
QUADS = replace(HOST, integer_dot=4, features=HOST.features - {"avx512_vnni"})
TARGETS = [HOST, QUADS, load_cpu("cpu", 2), replace(QUADS, threads=2)]


SIGNED = (DType.I8, DType.I8)
WIDE = (DType.I16, DType.I16)
CONVS = [
    conv((1, 14, 13, 8), 16, pads=(1, 1, 1, 1), pad_value=117),
    conv((1, 7, 7, 24), 40, pads=(1, 1, 1, 1), types=SIGNED, pad_value=-128, epilogue="residual"),
    conv((2, 9, 11, 5), 19, strides=(2, 2), pads=(0, 1, 2, 1), types=SIGNED, pad_value=9),
    conv((2, 6, 30, 3), 9, (5, 3), pads=(2, 1, 2, 1), bias=False, pad_value=255),
    conv((1, 20, 20, 3), 12, (7, 7), (2, 2), (3, 3, 3, 3), epilogue="float"),
    conv((1, 12, 16, 4), 8, pads=(2, 2, 2, 2), dilations=(2, 2), types=SIGNED, epilogue="sums"),
    conv((1, 9, 9, 15), 18, pads=(1, 1, 1, 1), groups=3, types=SIGNED, pad_value=1),
    conv((1, 5, 23, 6), 17, (1, 1), strides=(1, 2)),
    conv((1, 1, 1, 8), 8, pads=(1, 1, 1, 1), types=WIDE, epilogue="sums"),
    conv((1, 8, 9, 7), 11, pads=(1, 0, 1, 2), types=(DType.I16, DType.I8), epilogue="sums"),
    conv((1, 8, 9, 7), 11, types=(DType.U4, DType.I4), pads=(1, 0, 1, 2), pad_value=7),
    conv((1, 8, 9, 6), 11, types=(DType.I8, DType.I2), pads=(1, 0, 1, 2), pad_value=-3),
    conv((1, 8, 9, 6), 11, types=(DType.U8, DType.U8), epilogue="sums"),
    conv((1, 9, 9, 70), 37, types=(DType.I8, DType.I4), pads=(1, 1, 1, 1), pad_value=-128),
    conv((1, 9, 9, 10), 21, (1, 1), strides=(2, 2), types=(DType.I4, DType.I8), pad_value=3),
    conv((1, 9, 9, 15), 18, groups=3, types=(DType.U8, DType.I2), epilogue="sums"),
    conv((1, 9, 9, 15), 18, groups=3, types=(DType.I16, DType.I4), epilogue="sums"),
]
POINTWISE = [
    conv((1, 7, 7, 32), 24, (1, 1), types=SIGNED, epilogue="residual"),
    conv((3, 5, 5, 7), 50, (1, 1), bias=False),
    conv((1, 1, 1, 40), 131, (1, 1), epilogue="float"),
    conv((1, 3, 43, 1), 8, (1, 1), types=SIGNED, epilogue="sums"),
]
PRODUCTS = [
    product((1, 301), (301, 130)),
    product((2, 33), (33, 70), epilogue="float"),
    product((2, 5, 17), (17, 21), types=(DType.U8, DType.I8)),
    product((31, 24), (1, 40, 24), transpose=True),
    product((6, 1), (1, 3), types=WIDE),
    product((9, 301), (301, 57), types=(DType.I8, DType.I4)),
    product((1, 301), (301, 57), types=(DType.U8, DType.I2)),
    product((20, 64), (64, 40), types=(DType.I16, DType.I2), transpose=False),
]


@pytest.mark.parametrize("target", TARGETS, ids=["host", "quads", "host2", "quads2"])
def test_kernels_equal_the_interpreter(target: CpuTarget) -> None:
    check_schedule(IntegerConv2d(), [*CONVS, *POINTWISE], target)
    check_schedule(IntegerMatMul(), PRODUCTS, target)


def scores(
    a: tuple[int, ...], b: tuple[int, ...], types: tuple[DType, DType], transpose: bool
) -> Region:
    """a @ b for computed matrices."""
    build = RegionBuilder()
    op = ops.MatMul(transpose_b=transpose)
    y = build.apply(op, build.input(*a, dtype=types[0]), build.input(*b, dtype=types[1]))
    return build.region(y if DType.I16 in types else requantized(build, y, a[-1], "i8"))


COMPUTED = [
    scores((2, 3, 7, 16), (2, 3, 21, 16), SIGNED, transpose=True),
    scores((2, 3, 21, 5), (2, 3, 5, 19), (DType.U8, DType.I8), transpose=False),
    scores((1, 4, 8, 9), (2, 1, 9, 8), (DType.I8, DType.U8), transpose=False),
    scores((3, 2, 24), (24, 70), WIDE, transpose=False),
    scores((4, 33), (1, 50, 33), WIDE, transpose=True),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_computed_matrices_equal_the_interpreter(threads: int) -> None:
    check_schedule(BatchedMatMul(), COMPUTED, load_cpu("cpu", threads))


@pytest.mark.parametrize(
    "types", [(DType.U8, DType.I4), (DType.I8, DType.I2), (DType.U4, DType.I8)]
)
def test_extreme_numbers_do_not_overflow(types: tuple[DType, DType]) -> None:
    lows, highs = zip(*(integer_range(dtype) for dtype in types), strict=True)
    build = RegionBuilder()
    for x in (lows[0], highs[0]):
        for w in (lows[1], highs[1]):
            a = build.given(np.full((2, 300), x).astype(types[0].numpy))
            b = build.given(np.full((300, 9), w).astype(types[1].numpy))
            y = build.apply(ops.MatMul(), a, b)
            check_schedule(IntegerMatMul(), [build.region(y)])
            build = RegionBuilder()


def test_narrow_weights_are_stored_in_their_bits() -> None:
    sizes: list[int] = []
    for dtype in (DType.I8, DType.I4, DType.I2):
        region = product((4, 64), (64, 32), types=(DType.U8, dtype))
        plan = IntegerMatMul().plan(region.graph, HOST, region.constants)
        assert isinstance(plan, KernelPlan)
        sizes.append(plan.packs[1](region.random_inputs()[1]).nbytes)
    assert sizes == [64 * 32, 64 * 32 // 2, 64 * 32 // 4]


def test_small_caches_cut_the_work_into_blocks() -> None:
    small = replace(HOST, l2_bytes=2048)
    check_schedule(IntegerConv2d(), [CONVS[0], CONVS[2], POINTWISE[0], POINTWISE[1]], small)


@st.composite
def convs(draw: st.DrawFn) -> Region:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    height, width = (draw(st.integers(r, r + 17)) for r in reach)
    groups = draw(st.integers(1, 3))
    types = (
        draw(st.sampled_from([DType.U8, DType.I8, DType.I16, DType.U4, DType.I4])),
        draw(st.sampled_from([DType.I8, DType.I4, DType.I2, DType.I16])),
    )
    wide = DType.I16 in types
    return conv(
        (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 9)) * groups),
        draw(st.integers(2, 28)) * groups,
        kernel,
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        draw(st.tuples(*(st.integers(0, r + 1) for r in (*reach, *reach)))),
        dilations,
        groups,
        types,
        draw(st.booleans()),
        draw(st.integers(-2 if types[0].is_signed else 0, 7)),
        "sums" if wide else draw(st.sampled_from(["i8", "residual", "float", "sums"])),
    )


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(convs(), min_size=4, max_size=4), st.sampled_from(TARGETS))
def test_random_convs(regions: list[Region], target: CpuTarget) -> None:
    check_schedule(IntegerConv2d(), regions, target)


def test_refusals_are_explained() -> None:
    region = conv((1, 8, 8, 4), 4, groups=4)
    refused = IntegerConv2d().plan(region.graph, HOST, region.constants)
    assert refused == Reject("fewer than 2 output channels in a group")
    region = conv((1, 8, 8, 4), 4, types=(DType.U16, DType.I8), epilogue="sums")
    refused = IntegerConv2d().plan(region.graph, HOST, region.constants)
    assert refused == Reject("no instruction multiplies u16 with i8")
    refused = IntegerConv2d().plan(CONVS[0].graph, HOST, frozenset())
    assert refused == Reject("the weights are not constant")
