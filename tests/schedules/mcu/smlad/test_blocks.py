"""Products in blocks of pixels, on the emulator of every core that takes them."""

from __future__ import annotations

import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.smlad.blocks import ProductBlocks
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ....targets.mcu.cores import mcu
from .products import convolution, fully_connected

CORES = ("cortex-m4", "cortex-m7", "cortex-m33")
SAME = (1, 1, 1, 1)
CASES = {
    "pointwise": convolution((6, 6), 64, 32),
    "a block that is not whole, odd channels": convolution((5, 5), 8, 7),
    "bytes that are no words": convolution((3, 4), 5, 6),
    "3 x 3": convolution((8, 8), 16, 16, (3, 3), pads=SAME, pad_value=-3),
    "strided": convolution((12, 12), 3, 8, (3, 3), (2, 2), (0, 0, 1, 1), pad_value=-128),
    "rows of 4 bytes": convolution((20, 10), 1, 8, (10, 4), (2, 2), (4, 1, 5, 1), pad_value=83),
    "dilated": convolution((9, 9), 4, 6, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), pad_value=4),
    "stride without kernel": convolution((7, 9), 8, 4, strides=(2, 2)),
    "chunks": convolution((3, 3), 64, 4, (3, 3), pads=SAME),
    "clipped": convolution((5, 5), 8, 7, low=-100),
    "residual": convolution((6, 6), 8, 8, residual=True),
    "no bias": convolution((4, 4), 8, 6, bias=False),
    "tiles of channels": convolution((4, 4), 8, 133, low=-100),
    "tiles of channels without bias": convolution((4, 4), 4, 70, low=-100, bias=False),
    "images": convolution((4, 5), 4, 4, (3, 3), pads=SAME, images=3),
    "16-bit weights": convolution((4, 5), 36, 7, x=DType.U8, weights=DType.I16, per_channel=False),
    "4-bit weights": convolution((5, 5), 20, 7, (3, 3), pads=SAME, weights=DType.I4),
    "4-bit weights in chunks": convolution((3, 4), 600, 6, weights=DType.I4),
    "2-bit weights": convolution((5, 4), 6, 9, (3, 3), x=DType.U8, weights=DType.I2, residual=True),
    "rows of a matrix": fully_connected(20, 6, rows=7, per_channel=True),
    "a transposed matrix": fully_connected(21, 5, rows=4, transposed=True, bias=False),
}
# Not held to the largest overlap: groups keep a distance, a byte of 1100 may not show.
OTHERS = {
    "many chunks of u8": convolution((2, 3), 1100, 3, x=DType.U8),
    "words": convolution((5, 5), 8, 12, (3, 3), pads=SAME, groups=2),
    "bytes": convolution((5, 5), 6, 9, (3, 3), pads=SAME, groups=3, images=2),
    "4-bit weights": convolution((4, 4), 12, 10, (3, 3), groups=2, weights=DType.I4, pads=SAME),
    "4-bit weights of too many taps": convolution((2, 2), 2100, 3, x=DType.U8, weights=DType.I4),
    "odd": convolution((4, 4), 10, 6, (3, 3), groups=2, bias=False, residual=True),
}


@pytest.mark.parametrize("core", CORES)
def test_kernels_give_the_bits_of_the_interpreter_up_to_the_largest_overlap(core: str) -> None:
    check_mcu_schedule(ProductBlocks(), list(CASES.values()), mcu(core), tight=True)


def test_groups_and_long_products_give_the_bits_of_the_interpreter() -> None:
    check_mcu_schedule(ProductBlocks(), list(OTHERS.values()), mcu("cortex-m7"))


def test_convolutions_in_one_dimension_are_rows() -> None:
    build = RegionBuilder()
    x, w = build.input(2, 21, 6, dtype=DType.I8), build.constant(10, 3, 4, dtype=DType.I8)
    op = ops.Conv((2,), (1, 2), (2,), 2, "NHWC", pad_value=7)
    region = build.region(build.apply(op, x, w))
    check_mcu_schedule(ProductBlocks(), [region], mcu("cortex-m7"))


def test_weights_that_are_not_known_are_left_to_others() -> None:
    region = convolution((6, 6), 8, 8)
    plan = ProductBlocks().plan(region.graph, _core("cortex-m7"), frozenset())
    assert isinstance(plan, Reject)


def test_layers_of_one_kind_share_their_code() -> None:
    schedule, target = ProductBlocks(), _core("cortex-m7")
    plans = [
        schedule.plan(region.graph, target, region.constants)
        for region in (convolution((6, 6), 64, 32), convolution((5, 5), 8, 7))
    ]
    identities = {plan.identity for plan in plans if not isinstance(plan, Reject)}
    assert len(identities) == 1


@pytest.mark.parametrize("core", ["cortex-m0plus", "rv32imc"])
def test_cores_without_smlad_are_left_to_others(core: str) -> None:
    region: Region = convolution((6, 6), 8, 8)
    plan = ProductBlocks().plan(region.graph, _core(core), region.constants)
    assert isinstance(plan, Reject)


def test_in_a_loop_long_enough_a_product_costs_three_quarters_of_an_instruction() -> None:
    (checked,) = check_mcu_schedule(
        ProductBlocks(), [convolution((12, 12), 256, 128)], mcu("cortex-m7")
    )
    assert checked.per_mac < 0.78


def _core(name: str) -> McuTarget:
    target = load_target(name)
    assert isinstance(target, McuTarget)
    return target
