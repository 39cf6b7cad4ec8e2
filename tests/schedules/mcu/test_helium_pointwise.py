"""Elementwise regions on Helium: the interpreter's bits, in few instructions; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.pointwise import HeliumPointwise
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import mcu
from .test_pointwise import added, decoded, encoded, looked_up, requantized


def shifted(*dims: int) -> Region:
    """By numbers that are known only when the kernel runs, some of them out of range."""
    build = RegionBuilder()
    x = build.input(*dims, dtype=DType.I32)
    counts = build.constant(dims[-1], dtype=DType.I32)
    return build.region(build.apply(ops.ShiftLeft(), x, counts))


def test_kernels_equal_the_interpreter() -> None:
    regions = [
        added(1, 5, 7, 3),
        added(2, 1, zero=9),
        requantized(3, 4, 8),
        requantized(1, 4),
        shifted(5, 12),
        encoded(3, 7),
        decoded(2, 9),
    ]
    check_mcu_schedule(HeliumPointwise(), regions, mcu("cortex-m55"))


def test_a_sum_of_bytes_takes_few_instructions() -> None:
    few, many = check_mcu_schedule(HeliumPointwise(), [added(64), added(1064)], mcu("cortex-m55"))
    assert many.instructions - few.instructions <= 6 * 1000


@pytest.mark.parametrize(
    "region, reason",
    [
        (requantized(3, 4, 5), "channels in multiples of 4, found 5"),
        (looked_up(3, 11, x=DType.I8, entry=np.int8), "has no vectors"),
        (looked_up(40, x=DType.U4, entry=np.uint8), "f32 and integers of at most 32 bits"),
    ],
)
def test_what_it_refuses(region: Region, reason: str) -> None:
    target = load_target("cortex-m55")
    assert isinstance(target, McuTarget)
    rejected = HeliumPointwise().plan(region.graph, target, region.constants)
    assert isinstance(rejected, Reject)
    assert reason in rejected.reason
