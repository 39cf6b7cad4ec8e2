"""Products on Helium: the interpreter's bits for any geometry, exact figures, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphopt.ir import DType
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.key import kernel_key
from graphopt.lower.testing import Region
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.product import HeliumProduct
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import mcu
from ..cpu.integer_regions import conv, product

BYTES = (DType.I8, DType.I8)
POINTWISE = [
    conv((1, 9, 9, 8), 48, (1, 1), types=BYTES),
    conv((1, 7, 7, 16), 12, (1, 1), types=BYTES),
    conv((1, 7, 7, 32), 24, (1, 1), types=BYTES),
    conv((1, 7, 7, 32), 24, (1, 1), types=BYTES, epilogue="residual"),
    conv((3, 5, 5, 7), 50, (1, 1), types=BYTES, bias=False),
    conv((1, 3, 43, 1), 9, (1, 1), types=BYTES, bias=False, epilogue="sums"),
    conv((1, 5, 5, 7), 5, (1, 1), types=BYTES, epilogue="residual"),
]
WINDOWS = [
    conv((1, 16, 16, 16), 16, pads=(1, 1, 1, 1), types=BYTES, pad_value=-128),
    conv((1, 8, 8, 16), 16, pads=(1, 1, 1, 1), types=BYTES, pad_value=3, epilogue="residual"),
    conv((1, 24, 24, 3), 8, strides=(2, 2), pads=(0, 0, 1, 1), types=BYTES, pad_value=-128),
    conv((1, 9, 9, 16), 32, (1, 1), strides=(2, 2), types=BYTES),
    conv((1, 49, 10, 1), 64, (10, 4), (2, 2), (4, 1, 5, 1), types=BYTES, pad_value=83),
    conv((2, 9, 11, 5), 19, strides=(2, 2), pads=(0, 1, 2, 1), types=BYTES, pad_value=9),
    conv((1, 12, 16, 4), 8, pads=(2, 2, 2, 2), dilations=(2, 2), types=BYTES, epilogue="sums"),
    conv((1, 1, 1, 40), 10, (3, 3), pads=(2, 2, 2, 2), types=BYTES, pad_value=5),
    conv((1, 6, 90, 20), 6, (5, 2), (1, 3), (4, 1, 4, 1), types=BYTES, pad_value=-1),
]
NARROW = [
    conv((1, 12, 12, 40), 24, (1, 1), types=(DType.I8, DType.I4)),
    conv((1, 7, 7, 30), 65, (1, 1), types=(DType.I8, DType.I2), bias=False),
    conv((1, 9, 9, 16), 70, types=(DType.I8, DType.I4), pads=(1, 1, 1, 1), pad_value=-128),
    conv((1, 9, 9, 6), 12, types=(DType.I8, DType.I2), pads=(1, 0, 1, 2), epilogue="residual"),
    product((9, 301), (301, 57), types=(DType.I8, DType.I4)),
    product((1, 70), (70, 33), types=(DType.I8, DType.I2)),
]
PRODUCTS = [
    product((1, 301), (301, 130)),
    product((2, 33), (33, 70), epilogue="float"),
    product((2, 5, 17), (17, 21)),
    product((31, 24), (1, 40, 24), transpose=True),
]


def test_kernels_equal_the_interpreter() -> None:
    check_mcu_schedule(
        HeliumProduct(), [*POINTWISE, *WINDOWS, *NARROW, *PRODUCTS], mcu("cortex-m55")
    )


def test_overlap_is_the_largest_that_is_safe() -> None:
    regions = [
        conv((1, 8, 8, 16), 16, (1, 1), types=BYTES),
        conv((1, 8, 8, 20), 16, (1, 1), types=BYTES),
        conv((1, 8, 8, 16), 16, pads=(1, 1, 1, 1), types=BYTES),
        conv((1, 9, 9, 16), 32, strides=(2, 2), types=BYTES),
    ]
    check_mcu_schedule(HeliumProduct(), regions, mcu("cortex-m55"), tight=True)


def test_narrow_weights_cost_little_more() -> None:
    bytewise, narrow = check_mcu_schedule(
        HeliumProduct(),
        [conv((1, 16, 16, 64), 64, (1, 1), types=(DType.I8, w)) for w in (DType.I8, DType.I4)],
        mcu("cortex-m55"),
    )
    assert bytewise.per_mac < 0.18
    assert narrow.instructions < 1.15 * bytewise.instructions


def test_one_kernel_serves_layers_of_all_shapes() -> None:
    target = mcu("cortex-m55")
    small = conv((1, 7, 7, 32), 24, (3, 3), types=BYTES)
    large = conv((1, 20, 9, 7), 8, (5, 1), strides=(1, 2), types=BYTES)
    assert key_of(small, target) == key_of(large, target)


def key_of(region: Region, target: McuTarget) -> str:
    plan = HeliumProduct().plan(region.graph, target, region.constants)
    assert isinstance(plan, KernelPlan)
    return kernel_key(plan, region.constants, target)


@pytest.mark.parametrize(
    "region, reason",
    [
        (
            conv((1, 8, 8, 4), 8, types=(DType.U8, DType.I8)),
            "weights of 8, 4 or 2 bits",
        ),
        (conv((1, 8, 8, 4), 8, groups=2, types=BYTES), "one group of channels"),
    ],
)
def test_what_it_refuses(region: Region, reason: str) -> None:
    target = load_target("cortex-m55")
    assert isinstance(target, McuTarget)
    rejected = HeliumProduct().plan(region.graph, target, region.constants)
    assert isinstance(rejected, Reject)
    assert reason in rejected.reason


def test_cores_and_forms_without_helium() -> None:
    region = POINTWISE[0]
    m55, m7 = load_target("cortex-m55"), load_target("cortex-m7")
    assert isinstance(m55, McuTarget)
    for target in (m7, replace(m55, form="source")):
        assert isinstance(target, McuTarget)
        assert isinstance(HeliumProduct().plan(region.graph, target, region.constants), Reject)
