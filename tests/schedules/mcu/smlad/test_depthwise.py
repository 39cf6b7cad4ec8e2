"""Depthwise convolutions on SMLAD cores: the interpreter's bits, in place, in few instructions."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.smlad.depthwise import Depthwise
from graphopt.targets.mcu.testing import Checked, check_mcu_schedule

from ....targets.mcu.cores import mcu


def depthwise(
    size: tuple[int, int],
    channels: int,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] | None = None,
    *,
    pad_value: int = -128,
    x: DType = DType.I8,
    w: DType = DType.I8,
    multiplier: int = 1,
    images: int = 1,
    result: DType = DType.I8,
    low: int | None = None,
) -> Region:
    """A depthwise convolution, padded to keep its size unless `pads` says otherwise, rescaled."""
    rng = np.random.default_rng(1)
    outputs = channels * multiplier
    if pads is None:
        pads = (kernel[0] // 2, kernel[1] // 2, (kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
    build = RegionBuilder()
    activations = build.input(images, *size, channels, dtype=x)
    weights = build.constant(outputs, 1, *kernel, dtype=w)
    bias = build.given(rng.integers(-3000, 3000, outputs).astype(np.int32))
    conv = ops.Conv(strides, pads, (1, 1), channels, "NHWC", pad_value)
    factor = rng.integers(2**20, 2**24, (1, 1, 1, outputs)).astype(np.int32)
    factor[..., 0] = 0
    total = build.apply(conv, activations, weights, bias)
    scaled = build.apply(
        ops.Rescale(), total, build.given(factor), build.given(np.array(-3, np.int32))
    )
    lowest, highest = integer_range(result)
    clipped = build.apply(ops.Clip(lowest if low is None else low, highest), scaled)
    return build.region(build.apply(ops.Cast(result), clipped))


def check(*regions: Region, core: str = "cortex-m7") -> list[Checked]:
    return check_mcu_schedule(Depthwise(), regions, mcu(core))


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_maps_kernels_and_paddings(core: str) -> None:
    check(
        depthwise((6, 6), 5),
        depthwise((1, 1), 3),
        depthwise((2, 1), 2),
        depthwise((13, 7), 2, pads=(2, 0, 0, 2), pad_value=5),
        depthwise((9, 8), 2, (1, 3)),
        depthwise((9, 8), 2, (3, 1), (2, 1)),
        depthwise((8, 9), 2, (2, 2), (3, 1)),
        depthwise((12, 11), 2, x=DType.U8, pad_value=200, result=DType.U8),
        depthwise((9, 5), 3, w=DType.I4),
        depthwise((9, 5), 3, w=DType.I16),
        depthwise((8, 6), 4, strides=(2, 2), w=DType.I16),
        depthwise((5, 6), 3, multiplier=2),
        depthwise((5, 6), 3, images=2),
        depthwise((7, 6), 3, low=-100),
        depthwise((13, 12), 3, (3, 3), (2, 2), (1, 1, 1, 1)),
        depthwise((8, 9), 2, (3, 3), (2, 2), (0, 0, 1, 1), low=-100),
        depthwise((8, 9), 2, (3, 3), (3, 2), (0, 1, 2, 1)),
        core=core,
    )


def test_kernels_of_up_to_seven_columns() -> None:
    check(
        *(
            depthwise((height, width), 3, kernel, strides, pads)
            for height, width in ((3, 3), (5, 5), (10, 9), (20, 14))
            for kernel, pads in (((5, 5), (2, 2, 2, 2)), ((7, 7), (3, 3, 3, 3)))
            for strides in ((1, 1), (2, 2))
        ),
        depthwise((9, 8), 2, (4, 6), pads=(0, 3, 2, 1), pad_value=3),
        depthwise((9, 8), 2, (1, 7), (1, 2), x=DType.U8, pad_value=250, result=DType.U8),
        depthwise((9, 11), 2, (5, 5), result=DType.U8),
        depthwise((9, 11), 2, (5, 5), w=DType.I16),
        depthwise((9, 11), 2, (7, 7), w=DType.I16),
        depthwise((9, 11), 2, (7, 7), (2, 2), w=DType.I16),
        depthwise((18, 7), 2, (7, 4), (3, 1), low=-90),
        depthwise((11, 6), 2, (2, 5), multiplier=3, images=2),
    )


def test_the_output_lies_over_the_input() -> None:
    for region in (depthwise((24, 24), 3), depthwise((9, 30), 2), depthwise((9, 6), 2, images=2)):
        plan = Depthwise().plan(region.graph, mcu("cortex-m7"), region.constants)
        assert not isinstance(plan, Reject)
        assert (0, 0) in plan.inplace


def test_an_output_that_runs_ahead_of_the_input_does_not_lie_over_it() -> None:
    ahead = depthwise((9, 9), 2, pads=(4, 4, 4, 4))
    shared = depthwise((9, 9), 2, multiplier=2)
    for region in (ahead, shared):
        plan = Depthwise().plan(region.graph, mcu("cortex-m7"), region.constants)
        assert not isinstance(plan, Reject)
        assert not plan.inplace
    check(ahead, shared)


def test_instructions_of_a_product() -> None:
    large, middle, wide, half = check(
        depthwise((48, 48), 8),
        depthwise((12, 12), 64),
        depthwise((20, 20), 16, (7, 7)),
        depthwise((48, 48), 8, strides=(2, 2)),
    )
    assert large.per_mac < 1.9
    assert middle.per_mac < 2.2
    assert wide.per_mac < 1.5
    assert half.per_mac < 3.1


def test_scratch_is_a_few_rows_of_two_channels() -> None:
    small, wide = check(depthwise((12, 12), 8), depthwise((4, 112), 2))
    assert small.plan.scratch_bytes <= 8 * 2 * 14 * 2 + 128
    assert wide.plan.scratch_bytes <= 8 * 2 * 114 * 2 + 128


def test_layers_of_one_kind_share_one_kernel() -> None:
    small, large = (depthwise(size, 4) for size in ((6, 6), (20, 20)))
    plans = [Depthwise().plan(r.graph, mcu("cortex-m7"), r.constants) for r in (small, large)]
    first, second = plans
    assert not isinstance(first, Reject) and not isinstance(second, Reject)
    assert first.identity == second.identity and first.sizes != second.sizes


def test_what_routines_do_not_take_is_rejected() -> None:
    for region, core, reason in (
        (depthwise((6, 6), 2), "cortex-m0plus", "does not multiply pairs"),
        (depthwise((30, 30), 2, (9, 9)), "cortex-m7", "no routine"),
        (depthwise((6, 6), 1), "cortex-m7", "several channels"),
        (depthwise((6, 6), 2, w=DType.U8), "cortex-m7", "signed weights"),
        (depthwise((9, 9), 2, strides=(3, 3)), "cortex-m7", "no routine"),
    ):
        plan = Depthwise().plan(region.graph, mcu(core), region.constants)
        assert isinstance(plan, Reject)
        assert reason in plan.reason
