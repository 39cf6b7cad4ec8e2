"""Convolutions and products of f32, with and without a unit for floats."""

from __future__ import annotations

import pytest

from graphopt import ops
from graphopt.lower.kernel import Schedule
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.floats.depthwise import FloatDepthwise
from graphopt.schedules.mcu.floats.product import FloatProduct
from graphopt.targets import McuTarget
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu


def conv(
    size: tuple[int, int, int, int],
    outputs: int,
    kernel: tuple[int, int],
    op: ops.Conv,
    bias: bool = True,
    residual: bool = False,
) -> Region:
    build = RegionBuilder()
    x = build.input(*size)
    w = build.constant(outputs, size[-1] // op.groups, *kernel)
    y = build.apply(op, x, w, *([build.constant(outputs)] if bias else ()))
    if residual:
        y = build.apply(ops.Add(), y, build.input(*y.type.dims))
    return build.region(build.apply(ops.Relu(), y))


def dense(
    strides: tuple[int, int], pads: tuple[int, int, int, int], dilations: tuple[int, int] = (1, 1)
) -> ops.Conv:
    return ops.Conv(strides, pads, dilations, layout="NHWC")


def depthwise(channels: int, pads: tuple[int, int, int, int], step: int = 1) -> ops.Conv:
    return ops.Conv((step, step), pads, (step, 1), channels, "NHWC")


def fully_connected(rows: int, depth: int, outputs: int, transposed: bool) -> Region:
    build = RegionBuilder()
    x = build.input(rows, depth)
    w = build.constant(*((outputs, depth) if transposed else (depth, outputs)))
    y = build.apply(ops.MatMul(transposed), x, w)
    return build.region(build.apply(ops.Add(), y, build.constant(outputs)))


PRODUCTS = [
    conv((1, 5, 5, 16), 16, (3, 3), dense((1, 1), (1, 1, 1, 1))),
    conv((1, 7, 5, 8), 5, (3, 3), dense((1, 1), (1, 1, 1, 1))),
    conv((2, 5, 7, 3), 5, (3, 2), dense((2, 1), (1, 0, 1, 1), (1, 2)), False, True),
    conv((1, 3, 3, 7), 9, (1, 1), dense((1, 1), (0, 0, 0, 0)), residual=True),
    conv((1, 3, 3, 2), 1, (1, 1), dense((2, 2), (0, 0, 0, 0))),
    fully_connected(1, 64, 12, False),
    fully_connected(3, 9, 7, True),
]
DEPTHWISE = [
    conv((1, 6, 6, 8), 8, (3, 3), depthwise(8, (1, 1, 1, 1))),
    conv((2, 5, 9, 7), 7, (3, 5), depthwise(7, (0, 2, 1, 3), 2), bias=False),
    conv((1, 4, 4, 3), 3, (2, 2), depthwise(3, (2, 0, 0, 4), 2), residual=True),
]
CASES = [(FloatProduct(), PRODUCTS), (FloatDepthwise(), DEPTHWISE)]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("schedule", "regions"), CASES)
def test_every_core_computes_what_the_interpreter_says(
    schedule: Schedule[McuTarget], regions: list[Region], core: str
) -> None:
    target = mcu(core)
    first, second, *_ = check_mcu_schedule(schedule, regions, target)
    assert (first.plan.identity == second.plan.identity) == (regions is PRODUCTS)
    if target.fpu != "none":
        assert first.per_mac < (3 if regions is PRODUCTS else 10)


def test_weights_that_are_computed_are_left_to_the_generic_schedule() -> None:
    build = RegionBuilder()
    y = build.apply(ops.MatMul(), build.input(3, 4), build.input(4, 5))
    region = build.region(y)
    assert isinstance(FloatProduct().plan(region.graph, mcu("cortex-m7"), frozenset()), Reject)
