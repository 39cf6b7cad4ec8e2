"""Depthwise convolutions on cores without a DSP: the interpreter's bits, in place, exact counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphopt.ir import DType
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.scalar.depthwise import ScalarDepthwise
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ....targets.mcu.cores import mcu
from ..layers import Layer

CORES = ("cortex-m0plus", "rv32imc")

SQUARE = Layer(
    kind="depthwise",
    size=(9, 13),
    kernel=(3, 3),
    strides=(1, 1),
    dilations=(1, 1),
    pads=(1, 1, 1, 1),
    channels=1,
    outputs=1,
    groups=5,
    x=DType.I8,
    w=DType.I8,
    result=DType.I8,
    zero_point=-3,
    per_channel=True,
    tail="requantized",
    seed=0,
)


def plan(layer: Layer) -> KernelPlan | Reject:
    target, region = load_target("cortex-m0plus"), layer.region()
    assert isinstance(target, McuTarget)
    return ScalarDepthwise().plan(region.graph, target, region.constants)


@pytest.mark.parametrize("core", CORES)
def test_windows_of_every_kind(core: str) -> None:
    layers = [
        SQUARE,
        replace(SQUARE, size=(40, 11)),  # several batches of rows
        replace(SQUARE, size=(2, 100)),  # a batch is one row
        replace(SQUARE, strides=(2, 2), pads=(0, 0, 1, 1), result=DType.U8, zero_point=9),
        replace(SQUARE, strides=(1, 4), kernel=(2, 7), pads=(0, 3, 1, 5)),
        replace(SQUARE, strides=(5, 1), kernel=(2, 2), size=(31, 40)),  # rows that nobody reads
        replace(SQUARE, dilations=(2, 2), strides=(2, 2), pads=(2, 0, 2, 3)),
        replace(SQUARE, kernel=(1, 7), pads=(0, 6, 0, 6), size=(2, 2)),
        replace(SQUARE, outputs=2),
        replace(SQUARE, tail="residual", groups=67),
        replace(SQUARE, tail="sums"),
    ]
    check_mcu_schedule(ScalarDepthwise(), [layer.region() for layer in layers], mcu(core))


@pytest.mark.parametrize("core", CORES)
def test_weights_and_activations_of_every_width(core: str) -> None:
    layers = [
        replace(SQUARE, x=x, w=w, per_channel=w.is_signed)
        for x in (DType.I8, DType.U8)
        for w in (DType.I8, DType.U8, DType.I4, DType.U4, DType.I2, DType.I16)
    ]
    check_mcu_schedule(ScalarDepthwise(), [layer.region() for layer in layers], mcu(core))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_outputs_lie_over_the_input_and_no_further(core: str, strides: tuple[int, int]) -> None:
    layer = replace(SQUARE, strides=strides)
    check_mcu_schedule(ScalarDepthwise(), [layer.region()], mcu(core), tight=True)


def test_outputs_that_overtake_the_input_are_kept_apart() -> None:
    wide = plan(replace(SQUARE, size=(40, 4), kernel=(2, 2), pads=(1, 8, 1, 8)))
    assert isinstance(wide, KernelPlan) and not wide.overlap


def test_scratch_is_a_few_rows_of_one_channel() -> None:
    large = plan(replace(SQUARE, size=(48, 48), groups=8))
    assert isinstance(large, KernelPlan)
    assert large.scratch_bytes < 700


def test_what_is_left_to_others() -> None:
    assert isinstance(plan(replace(SQUARE, strides=(3, 3))), Reject)
    assert isinstance(plan(replace(SQUARE, kind="dense", groups=1, channels=5)), Reject)


def test_instructions_of_a_result() -> None:
    region = replace(SQUARE, size=(24, 24)).region()
    (m0,) = check_mcu_schedule(ScalarDepthwise(), [region], mcu("cortex-m0plus"))
    assert m0.per_mac < 9.5
