"""Fully connected layers, on the emulator of every core that takes them."""

from __future__ import annotations

import pytest

from graphopt.ir import DType
from graphopt.lower.testing import Region
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.smlad.vector import ProductVector
from graphopt.targets.mcu.testing import check_mcu_schedule

from ....targets.mcu.cores import mcu
from .products import convolution, fully_connected

CASES = [(core, DType.I8) for core in ("cortex-m4", "cortex-m7", "cortex-m33")]
CASES += [("cortex-m7", weights) for weights in (DType.I16, DType.I4, DType.I2)]


def layers(x: DType, weights: DType) -> list[Region]:
    return [
        fully_connected(640, 24, x=x, weights=weights),
        fully_connected(37, 11, x=x, weights=weights, per_channel=True),
        fully_connected(36, 70, x=x, weights=weights, low=3, per_channel=True),
        fully_connected(9, 3, x=x, weights=weights, bias=False, transposed=True),
        fully_connected(300, 8, x=x, weights=weights, residual=True),
        convolution((1, 1), 20, 9, x=x, weights=weights, bias=False, low=5),
        convolution((3, 2), 4, 8, (3, 2), x=x, weights=weights),
    ]


@pytest.mark.parametrize(("core", "weights"), CASES, ids=str)
def test_kernels_give_the_bits_of_the_interpreter(core: str, weights: DType) -> None:
    regions = [region for x in (DType.I8, DType.U8) for region in layers(x, weights)]
    check_mcu_schedule(ProductVector(), regions, mcu(core))


def test_outputs_may_start_before_activations_that_die_but_not_later() -> None:
    regions = [fully_connected(640, 128), fully_connected(36, 70, low=3)]
    found = check_mcu_schedule(ProductVector(), regions, mcu("cortex-m7"), tight=True)
    assert [each.plan.overlap for each in found] == [{(0, 0): -124}, {(0, 0): -64}]


def test_weights_stay_in_flash_and_activations_where_they_are() -> None:
    region = fully_connected(640, 128)
    (checked,) = check_mcu_schedule(ProductVector(), [region], mcu("cortex-m7"))
    assert checked.plan.scratch_bytes <= 4
    assert checked.per_mac < 1.1


def test_a_window_that_leaves_a_part_of_x_out_is_no_vector() -> None:
    strided = convolution((3, 3), 4, 4, (2, 2), (2, 2))
    dilated = convolution((3, 4), 7, 8, (3, 4), pads=(0, 0, 0, 3), dilations=(1, 2))
    for region in (strided, dilated):
        plan = ProductVector().plan(region.graph, mcu("cortex-m7"), region.constants)
        assert isinstance(plan, Reject)
