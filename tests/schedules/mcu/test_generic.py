"""The schedule of last resort, on every core."""

from __future__ import annotations

import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.schedules.mcu.generic import Generic
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu


def requantized_sum() -> Region:
    build = RegionBuilder()
    x, y = build.input(5, 7, dtype=DType.I8), build.input(1, 7, dtype=DType.I8)
    total = build.apply(ops.Add(), *(build.apply(ops.Cast(DType.I32), v) for v in (x, y)))
    clipped = build.apply(ops.Clip(-128, 127), total)
    return build.region(build.apply(ops.Cast(DType.I8), clipped))


def convolution() -> Region:
    build = RegionBuilder()
    x = build.input(1, 5, 6, 3, dtype=DType.I8)
    w = build.constant(4, 3, 3, 3, dtype=DType.I8)
    op = ops.Conv((2, 1), (1, 0, 1, 2), (1, 1), layout="NHWC", pad_value=3)
    return build.region(build.apply(op, x, w))


@pytest.mark.parametrize("core", CORES)
def test_generic_kernels_compute_what_the_interpreter_says(core: str) -> None:
    checked = check_mcu_schedule(Generic(), [requantized_sum(), convolution()], mcu(core))
    assert all(each.instructions > 35 for each in checked)
