"""The routines of depthwise convolution do what their definitions in C say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graphopt.schedules.mcu.smlad.depthwise import CHANNEL, FIELDS, ROUTINES, SIZES, TOTALS
from graphopt.schedules.mcu.smlad.depthwise import Routine as Multiply
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase

from .test_routines import run_both

PAIRS = 9
COLUMNS = 7
PAD = 5


def layer(slots: int, start: int, stop: int, fields: dict[str, int]) -> NDArray[np.int32]:
    """The numbers that routines share, and rows that hold anything of 9 bits.

    Columns from `start` to `stop` do; the others hold padding.
    """
    state = np.zeros(FIELDS + 2 * slots * PAIRS, np.int32)
    for name, value in fields.items():
        state[CHANNEL + SIZES.index(name)] = value
    halves = state[FIELDS:].view(np.int16).reshape(PAIRS, 2, slots, 2).transpose(0, 3, 1, 2)
    rows = np.full((2 * PAIRS, 2, slots), PAD)
    shape = rows[start:stop].shape
    rows[start:stop] = np.random.default_rng(slots).integers(-256, 256, shape)
    halves[...] = rows.reshape(halves.shape)
    return state


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("slots", [8, 16])
def test_reading_rows(slots: int, dtype: type[np.integer[Any]]) -> None:
    rows, step = 5, 6
    limits = np.iinfo(dtype)
    x = np.random.default_rng(1).integers(limits.min, limits.max, rows * COLUMNS * step)
    cases: list[KernelCase] = []
    for columns in range(COLUMNS + 1):
        for left, row, kept in ((0, -2, 2), (1, -1, 1), (3, 0, 3), (2, 3, 0)):
            fields = {"first": -2, "moved": 3, "kept": kept, "blocks": 2 * PAIRS}
            fields |= {"pad": PAD << 16 | PAD, "rows": rows if columns else 0}
            fields |= {"row_step": COLUMNS * step, "columns": columns}
            fields |= {"column_step": step, "left": left}
            state = layer(slots, left, left + columns, fields)
            buffers = (Buffer(state, written=True), Buffer(x.astype(dtype)))
            name = f"graphopt_depthwise_read{slots}_{'u8' if dtype is np.uint8 else 'i8'}"
            cases.append(KernelCase(name, buffers, (row, 6)))
    for got, want in run_both(cases[0].symbol.removeprefix("graphopt_"), cases):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("routine", ROUTINES, ids=lambda routine: routine.name)
def test_multiplying_rows(routine: Multiply) -> None:
    rng = np.random.default_rng(2)
    cases: list[KernelCase] = []
    for columns in range(1, COLUMNS + 1 if routine.stride == 1 else 6):
        for ending in (0, 1, TOTALS):
            tap_rows = 3 if routine.rows == 3 else columns
            size = 4 if ending == TOTALS else 1
            fields = {"x_step": 4, "out_row_step": 88, "out_columns": columns}
            fields |= {"out_column_step": 3 * size, "tap_rows": tap_rows, "ending": ending}
            fields |= {"tap_bytes": 1 + columns % 2}
            state = layer(routine.slots, 0, 2 * PAIRS, fields)
            out = np.zeros(88 * 2, np.int32)
            state[:CHANNEL] = (rng.integers(-9999, 9999), rng.integers(2**20, 2**23), 90, 2)
            w = rng.integers(-128, 128, (tap_rows, routine.columns))
            w = w.astype(np.int16 if columns % 2 else np.int8)
            x = state[FIELDS:].copy()
            buffers = (Buffer(state), Buffer(out, written=True), Buffer(w), Buffer(x))
            cases.append(KernelCase(f"graphopt_{routine.name}", buffers))
    for got, want in run_both(routine.name, cases):
        np.testing.assert_array_equal(got, want)
        assert want.any()
