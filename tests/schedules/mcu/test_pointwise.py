"""Elementwise regions, on every core."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType, Value
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.pointwise import Pointwise
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu


def number(build: RegionBuilder, value: int) -> Value:
    return build.given(np.array(value, np.int32))


def rescaled(build: RegionBuilder, x: Value, zero: int, shift: int, factor: int) -> Value:
    wide = build.apply(ops.Sub(), build.apply(ops.Cast(DType.I32), x), number(build, zero))
    wide = build.apply(ops.ShiftLeft(), wide, number(build, shift))
    return build.apply(ops.Rescale(), wide, number(build, factor), number(build, 0))


def bytes_of(build: RegionBuilder, x: Value, dtype: DType = DType.I8) -> Value:
    low, high = (-128, 127) if dtype is DType.I8 else (0, 255)
    return build.apply(ops.Cast(dtype), build.apply(ops.Clip(low, high), x))


def added(*dims: int, zero: int = -5) -> Region:
    """Two quantized tensors with scales of their own."""
    build = RegionBuilder()
    x, y = build.input(*dims, dtype=DType.I8), build.input(*dims, dtype=DType.I8)
    first = rescaled(build, x, zero, 20, 1 << 30)
    total = build.apply(ops.Add(), first, rescaled(build, y, 3, 21, 1 << 29))
    factor, offset = number(build, 1 << 13), number(build, zero)
    return build.region(bytes_of(build, build.apply(ops.Rescale(), total, factor, offset)))


def requantized(*dims: int) -> Region:
    """A factor for each channel."""
    build = RegionBuilder()
    x = build.input(*dims, dtype=DType.I32)
    factors = build.given(np.arange(1, dims[-1] + 1, dtype=np.int32) << 20)
    scaled = build.apply(ops.Rescale(), x, factors, number(build, 7))
    return build.region(bytes_of(build, scaled, DType.U8))


def looked_up(*dims: int, x: DType, entry: type[np.generic]) -> Region:
    build = RegionBuilder()
    value = build.input(*dims, dtype=x)
    table = build.given(np.arange(1 << x.bits).astype(entry)[::-1].copy())
    return build.region(build.apply(ops.Lookup(), value, table))


def encoded(*dims: int) -> Region:
    """What the input of a model in f32 becomes."""
    build = RegionBuilder()
    x = build.input(*dims)
    ratio = build.apply(ops.Div(), x, build.given(np.array(0.0078125, np.float32)))
    whole = build.apply(ops.Clip(-128.0, 127.0), build.apply(ops.Round(), ratio))
    return build.region(build.apply(ops.Cast(DType.I8), whole))


def decoded(*dims: int) -> Region:
    build = RegionBuilder()
    x = build.apply(ops.Cast(DType.F32), build.input(*dims, dtype=DType.I8))
    return build.region(build.apply(ops.Mul(), x, build.given(np.array(0.25, np.float32))))


REGIONS = [
    added(1, 5, 7, 3),
    added(2, 1, zero=9),
    requantized(3, 4, 5),
    looked_up(3, 11, x=DType.I8, entry=np.int8),
    looked_up(3, 11, x=DType.U8, entry=np.int32),
    looked_up(40, x=DType.U4, entry=np.uint8),
    encoded(2, 33),
    decoded(1, 9),
    decoded(1, 1),
]


@pytest.mark.parametrize("core", CORES)
def test_every_core_computes_what_the_interpreter_says(core: str) -> None:
    first, second, *_ = check_mcu_schedule(Pointwise(), REGIONS, mcu(core))
    assert first.plan.identity == second.plan.identity
    assert first.plan.scratch_bytes == 0
    per_element = first.instructions / 105
    assert per_element < {"cortex-m0plus": 130, "rv32imc": 40}.get(core, 22)


def test_the_largest_overlaps_are_safe_and_the_next_are_not() -> None:
    regions = [added(4, 16), decoded(2, 32)]
    checked = check_mcu_schedule(Pointwise(), regions, mcu("cortex-m7"), tight=True)
    overlaps = [dict(each.plan.overlap) for each in checked]
    assert overlaps == [{(0, 0): 0, (1, 0): 0}, {(0, 0): -3 * 63}]


def test_other_broadcasts_are_left_to_the_generic_schedule() -> None:
    build = RegionBuilder()
    x, y = build.input(4, 3), build.input(4, 1)
    region = build.region(build.apply(ops.Add(), x, y))
    assert isinstance(Pointwise().plan(region.graph, mcu("cortex-m7"), frozenset()), Reject)
