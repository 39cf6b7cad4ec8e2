"""Depthwise convolutions on Helium: the interpreter's bits, exact figures, what is refused."""

from __future__ import annotations

import pytest

from graphopt.ir import DType
from graphopt.lower.testing import Region
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.depthwise import HeliumDepthwise
from graphopt.schedules.mcu.helium.depthwise_loops import SIZES
from graphopt.schedules.mcu.helium.depthwise_plan import DepthwisePlan
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import mcu
from ..cpu.integer_regions import conv


def depthwise(
    size: tuple[int, int],
    channels: int,
    kernel: tuple[int, int] = (3, 3),
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (1, 1, 1, 1),
    batch: int = 1,
    bias: bool = True,
    epilogue: str = "i8",
    dilations: tuple[int, int] = (1, 1),
    weights: DType = DType.I8,
) -> Region:
    return conv(
        (batch, *size, channels),
        channels,
        kernel,
        strides,
        pads,
        dilations,
        groups=channels,
        types=(DType.I8, weights),
        pad_value=-7,
        bias=bias,
        epilogue=epilogue,
    )


REGIONS = [
    depthwise((12, 12), 32),
    depthwise((12, 13), 24, strides=(2, 2), pads=(0, 0, 1, 1)),
    depthwise((3, 3), 33),
    depthwise((25, 5), 17, batch=2),
    depthwise((10, 10), 20, (5, 5), pads=(2, 2, 2, 2)),
    depthwise((10, 10), 16, (7, 7), (2, 2), (3, 3, 3, 3)),
    depthwise((5, 5), 5, (7, 3), pads=(3, 1, 3, 1)),
    depthwise((1, 1), 3, (3, 3), pads=(2, 2, 2, 2)),
    depthwise((11, 9), 7, (4, 4), (3, 3), (2, 2, 2, 2)),
    depthwise((9, 70), 19, (2, 2), pads=(0, 0, 0, 0), bias=False),
    depthwise((9, 90), 5, (6, 6), (3, 2), (2, 2, 2, 2)),
    depthwise((4, 150), 16, pads=(1, 1, 1, 1)),
    depthwise((12, 12), 24, weights=DType.I4),
    depthwise((9, 9), 21, (5, 5), pads=(2, 2, 2, 2), weights=DType.I2),
]


def test_kernels_equal_the_interpreter() -> None:
    check_mcu_schedule(HeliumDepthwise(), REGIONS, mcu("cortex-m55"))


def test_overlap_is_the_largest_that_is_safe() -> None:
    regions = [depthwise((8, 8), 16), depthwise((9, 9), 12, strides=(2, 1))]
    check_mcu_schedule(HeliumDepthwise(), regions, mcu("cortex-m55"), tight=True)


# Outputs of as many pixels as x or fewer, with the lag of tiles that lets them lie over x.
OVER_X = [
    (depthwise((12, 12), 64), 1),
    (depthwise((5, 40), 165), 1),
    (depthwise((12, 13), 24, strides=(2, 2), pads=(0, 0, 1, 1)), 0),
    (depthwise((10, 10), 148, (5, 5), pads=(2, 2, 2, 2)), 1),
    (depthwise((11, 11), 300, (7, 7), pads=(3, 3, 3, 3)), 2),
    (depthwise((20, 20), 260, (7, 7), (2, 2), (3, 3, 3, 3)), 1),
    (depthwise((9, 9), 40, batch=2), 1),
]


def test_outputs_lie_over_the_input() -> None:
    checked = check_mcu_schedule(HeliumDepthwise(), [r for r, _ in OVER_X], mcu("cortex-m55"))
    for (region, lag), found in zip(OVER_X, checked, strict=True):
        assert found.plan.inplace == ((0, 0),), region.graph
        assert found.plan.sizes[SIZES.index("lag")] == lag, region.graph


@pytest.mark.parametrize("region", [region for region, lag in OVER_X if lag])
def test_a_shorter_lag_would_be_wrong(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    target = mcu("cortex-m55")
    monkeypatch.setattr(DepthwisePlan, "lag", property(lambda plan: plan.tiling[1] - 1))
    monkeypatch.setattr(DepthwisePlan, "inplace", True)
    with pytest.raises(AssertionError, match=r"\(0, 0, 0\)"):
        check_mcu_schedule(HeliumDepthwise(), [region], target)


def test_outputs_lie_elsewhere_where_the_lag_would_take_more() -> None:
    """Columns of 16 channels are wider than the two of this image."""
    (checked,) = check_mcu_schedule(HeliumDepthwise(), [depthwise((6, 30), 2)], mcu("cortex-m55"))
    assert not checked.plan.inplace


def test_a_product_takes_less_than_an_instruction() -> None:
    regions = [depthwise((24, 24), 32), depthwise((10, 10), 48, (7, 7), pads=(3, 3, 3, 3))]
    small, large = check_mcu_schedule(HeliumDepthwise(), regions, mcu("cortex-m55"))
    assert small.per_mac < 0.7
    assert large.per_mac < 0.5


@pytest.mark.parametrize(
    "region, reason",
    [
        (depthwise((9, 9), 4, dilations=(2, 2)), "no dilation"),
        (depthwise((9, 9), 4, (9, 1), pads=(4, 0, 4, 0)), "a kernel of at most 8 x 8"),
        (depthwise((9, 9), 4, epilogue="sums"), "nothing but a rescaling to i8"),
        (conv((1, 8, 8, 4), 8, groups=4, types=(DType.I8, DType.I8)), "one filter for each"),
    ],
)
def test_what_it_refuses(region: Region, reason: str) -> None:
    target = load_target("cortex-m55")
    assert isinstance(target, McuTarget)
    rejected = HeliumDepthwise().plan(region.graph, target, region.constants)
    assert isinstance(rejected, Reject)
    assert reason in rejected.reason
