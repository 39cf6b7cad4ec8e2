"""Softmax of integers, on every core."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.softmax import Softmax
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu


def softmax(*dims: int, axis: int, x: DType = DType.I8, operand: tuple[int, ...] = ()) -> Region:
    """Shares of 2^-24 rescaled to steps of 2^-8; the offset has the shape `operand`."""
    build = RegionBuilder()
    value = build.input(*dims, dtype=x)
    table = build.given(np.rint(np.exp(-0.05 * np.arange(256)) * 2**30).astype(np.int32))
    shares = build.apply(ops.IntegerSoftmax(axis), value, table)
    factor = build.given(np.array(1 << 16, np.int32))
    offset = build.given(np.full(operand, -128, np.int32))
    rescaled = build.apply(ops.Rescale(), shares, factor, offset)
    clipped = build.apply(ops.Clip(-128, 127), rescaled)
    return build.region(build.apply(ops.Cast(DType.I8), clipped))


@pytest.mark.parametrize("core", CORES)
def test_any_axis_type_and_length(core: str) -> None:
    regions = [
        softmax(1, 12, axis=1),
        softmax(1, 1, axis=1),
        softmax(1, 1001, axis=1),
        softmax(3, 7, 4, axis=1),
        softmax(5, 3, axis=0, x=DType.U8),
        softmax(2, 9, axis=1, x=DType.I4),
        softmax(2, 9, axis=1, operand=(2, 9)),
    ]
    first, *others = check_mcu_schedule(Softmax(), regions, mcu(core))
    assert first.plan.scratch_bytes == 0
    # 12 classes, with all that comes after.
    most = {"cortex-m0plus": 2000, "rv32imc": 1300}.get(core, 900)
    assert first.instructions < most
    same = {each.plan.identity for each in (first, *others[:3])}
    assert len(same) == 1, "one function serves all shapes"


def test_an_operand_for_each_channel_is_left_to_others() -> None:
    region = softmax(2, 9, axis=1, operand=(9,))
    plan = Softmax().plan(region.graph, mcu("cortex-m7"), region.constants)
    assert isinstance(plan, Reject)
