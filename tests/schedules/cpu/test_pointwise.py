"""Elementwise regions of bytes against the interpreter: tails, broadcasting, requantized sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.ir import DType, Value
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.pointwise import Pointwise
from graphopt.targets import load_cpu


def requantized(build: RegionBuilder, value: Value, to: DType, factor: float) -> Value:
    """i32 as bytes."""
    multiplier = build.given(np.array(round(factor * 2**32), np.int32))
    y = build.apply(ops.Rescale(), value, multiplier, build.given(np.array(-3, np.int32)))
    low, high = (-128, 127) if to is DType.I8 else (0, 255)
    return build.apply(ops.Cast(to), build.apply(ops.Clip(low, high), y))


def wide(build: RegionBuilder, *dims: int, dtype: DType) -> Value:
    """Bytes as i32."""
    return build.apply(ops.Cast(DType.I32), build.input(*dims, dtype=dtype))


def residual(*dims: int, dtype: DType = DType.I8) -> Region:
    """The sum of two tensors, each scaled on its own."""
    build = RegionBuilder()
    shift = build.given(np.array(16, np.int32))
    branches = []
    for factor in (0.37, 0.21):
        x = build.apply(ops.ShiftLeft(), wide(build, *dims, dtype=dtype), shift)
        multiplier = build.given(np.array(round(factor * 2**32), np.int32))
        zero = build.given(np.array(0, np.int32))
        branches.append(build.apply(ops.Rescale(), x, multiplier, zero))
    total = build.apply(ops.Add(), *branches)
    return build.region(requantized(build, total, dtype, 2.0**-16))


def gated(dims: tuple[int, ...], gate: tuple[int, ...]) -> Region:
    """The product of a tensor with a smaller one."""
    build = RegionBuilder()
    x, y = wide(build, *dims, dtype=DType.U8), wide(build, *gate, dtype=DType.U8)
    return build.region(requantized(build, build.apply(ops.Mul(), x, y), DType.U8, 0.004))


def looked_up(*dims: int) -> Region:
    """A table for each byte."""
    build = RegionBuilder()
    table = np.random.default_rng(0).integers(-128, 128, 256).astype(np.int8)
    return build.region(
        build.apply(ops.Lookup(), build.input(*dims, dtype=DType.U8), build.given(table))
    )


def quantized(*dims: int) -> Region:
    """Floats as bytes."""
    build = RegionBuilder()
    x = build.apply(ops.Round(), build.apply(ops.Mul(), build.input(*dims), build.constant(1)))
    clipped = build.apply(ops.Clip(-128.0, 127.0), x)
    return build.region(build.apply(ops.Cast(DType.I8), clipped))


@pytest.mark.parametrize("threads", [1, 2])
def test_pointwise_equals_interpreter(threads: int) -> None:
    regions = [
        residual(2, 7, 9, 5),
        residual(1, 3, 3, 32, dtype=DType.U8),
        residual(3),
        gated((2, 5, 6, 21), (2, 1, 1, 21)),
        gated((2, 5, 6, 40), (5, 1, 1)),
        gated((4, 8), ()),
        looked_up(3, 77),
        quantized(4, 100),
    ]
    check_schedule(Pointwise(), regions, load_cpu("cpu", threads))


@settings(max_examples=2, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=3, max_size=3))
def test_random_shapes(shapes: list[list[int]]) -> None:
    regions = [gated(tuple(dims), (dims[-1],)) for dims in shapes]
    check_schedule(Pointwise(), [*regions, *(residual(*dims) for dims in shapes)])


def test_leaves_floats_to_others() -> None:
    build = RegionBuilder()
    region = build.region(build.apply(ops.Relu(), build.input(4, 4)))
    refused = Pointwise().plan(region.graph, load_cpu(), region.constants)
    assert refused == Reject("no elements smaller than 32 bits")
