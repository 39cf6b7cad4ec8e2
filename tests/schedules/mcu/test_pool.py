"""Pools over windows give the interpreter's bits on every core, over their input."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.pool import WindowPool
from graphopt.targets.mcu.testing import Checked, check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu

Pads = tuple[int, int, int, int]
NONE: Pads = (0, 0, 0, 0)


def largest(
    dims: tuple[int, int, int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pads: Pads = NONE,
    *,
    dtype: DType = DType.I8,
    ceil: bool = False,
    relu: bool = False,
) -> Region:
    build = RegionBuilder()
    x = build.input(*dims, dtype=dtype)
    y = build.apply(ops.MaxPool(kernel, strides, pads, (1, 1), ceil, "NHWC"), x)
    return build.region(build.apply(ops.Clip(-5, 99), y) if relu else y)


def average(
    dims: tuple[int, int, int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dtype: DType = DType.I8,
    pads: Pads = NONE,
) -> Region:
    """Sums of windows, divided by their taps."""
    build = RegionBuilder()
    x = build.input(*dims, dtype=dtype)
    total = build.apply(ops.SumPool(kernel, strides, pads, (1, 1), False, "NHWC"), x)
    share = 2 ** (32 - (8 if dtype is DType.I16 else 0)) // (kernel[0] * kernel[1] + 1)
    factor = build.given(np.array(share, np.int32))
    scaled = build.apply(ops.Rescale(), total, factor, build.given(np.array(3, np.int32)))
    clipped = build.apply(ops.Clip(-128, 127), scaled)
    return build.region(build.apply(ops.Cast(DType.I8), clipped))


def check(*regions: Region, core: str = "cortex-m7", tight: bool = True) -> list[Checked]:
    return check_mcu_schedule(WindowPool(), regions, mcu(core), tight=tight)


@pytest.mark.parametrize("core", CORES)
def test_windows_paddings_and_types(core: str) -> None:
    check(
        largest((1, 6, 8, 5), (2, 2), (2, 2)),
        largest((1, 7, 8, 4), (3, 3), (2, 2), (1, 1, 1, 1)),
        largest((2, 9, 6, 3), (2, 4), (1, 3), (1, 0, 0, 3), dtype=DType.U8),
        largest((1, 7, 7, 1), (2, 3), (2, 2), ceil=True, relu=True),
        average((1, 6, 6, 4), (2, 2), (2, 2)),
        average((1, 6, 7, 3), (3, 3), (1, 2), DType.U8),
        average((2, 5, 5, 3), (4, 2), (1, 1), DType.I16),
        core=core,
        tight=False,
    )


def test_the_output_lies_as_far_over_the_input_as_is_safe() -> None:
    halves, shifted, padded = check(
        largest((1, 8, 8, 8), (2, 2), (2, 2)),
        largest((1, 6, 6, 8), (2, 2), (1, 1)),
        largest((1, 6, 6, 8), (3, 3), (1, 1), (1, 1, 1, 1)),
    )
    assert halves.plan.overlap == {(0, 0): 0}
    assert shifted.plan.overlap == {(0, 0): 0}
    assert padded.plan.overlap == {(0, 0): -(6 + 1) * 8}
    (sums,) = check(average((1, 8, 8, 8), (2, 2), (2, 2), DType.I16), tight=False)
    assert sums.plan.overlap == {(0, 0): 1}


def test_pools_of_any_size_share_one_kernel() -> None:
    regions = (largest((1, 8, 8, 4), (2, 2), (2, 2)), largest((1, 6, 4, 7), (2, 2), (2, 1)))
    plans = [WindowPool().plan(r.graph, mcu("cortex-m7"), r.constants) for r in regions]
    first, second = plans
    assert not isinstance(first, Reject) and not isinstance(second, Reject)
    assert first.identity == second.identity and first.sizes != second.sizes


def test_what_does_not_pay_or_fit_is_rejected() -> None:
    for region, reason in (
        (largest((1, 4, 4, 2), (2, 2), (2, 2), (2, 2, 2, 2)), "nothing but padding"),
        (largest((1, 8, 8, 2), (5, 5), (2, 2)), "at most 9 taps"),
        (average((1, 6, 6, 4), (3, 3), (2, 2), pads=(1, 1, 1, 1)), "taps in padding"),
    ):
        plan = WindowPool().plan(region.graph, mcu("cortex-m7"), region.constants)
        assert isinstance(plan, Reject) and reason in plan.reason
