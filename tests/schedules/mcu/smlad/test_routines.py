"""Routines in assembly do what their definitions in C say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graphopt.lower.assembly import assemble
from graphopt.schedules.mcu.routines import routine_source, routine_text
from graphopt.targets import McuTarget
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, run_kernels

from ....targets.mcu.cores import compile_c, mcu

TARGET = "cortex-m7"
I8, U8, SUMS = 0, 1, 2


def run_both(name: str, cases: list[KernelCase]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The last written buffer of each case, from the assembly and from C."""
    target: McuTarget = mcu(TARGET)
    results: list[list[NDArray[Any]]] = []
    for code in (
        assemble(routine_text(name, target), f"graphopt_{name}", target),
        compile_c(target, routine_source(name)),
    ):
        runs = run_kernels(target, [code], cases)
        assert all(run.returned == 0 for run in runs)
        results.append([run.outputs[max(run.outputs)] for run in runs])
    return list(zip(*results, strict=True))


@pytest.mark.parametrize(("name", "pixels", "per_half"), [("digits8", 3, 2), ("words16", 3, 1)])
def test_products_of_blocks(name: str, pixels: int, per_half: int) -> None:
    rng = np.random.default_rng(0)
    cases: list[KernelCase] = []
    for groups, channels, ending in ((1, 4, I8), (5, 8, U8), (8, 4, SUMS), (27, 4, I8)):
        elements = rng.integers(-128, 128, (groups * 2, pixels, 2)).astype(np.int16)
        sums = elements.sum(axis=(0, 2)).astype(np.int32)
        block = np.concatenate([sums, elements.reshape(-1).view(np.int32)])
        shape = (channels * groups * 4 // per_half,)
        weights = rng.integers(-(2**15), 2**15, shape).astype(np.int16)
        out = np.zeros((channels, pixels), np.int32 if ending == SUMS else np.int8)
        multipliers = rng.integers(2**18, 2**23, channels).astype(np.int32)
        bias = rng.integers(-999, 999, channels).astype(np.int32)
        operands = [block, weights, out, multipliers, bias]
        buffers = tuple(Buffer(array, array is out) for array in operands)
        for step in (4, 0):
            chunk = 16 if per_half > 1 else 32
            sizes = (channels, -7, step, channels, groups, chunk, ending)
            cases.append(KernelCase(f"graphopt_{name}", buffers, sizes))
    for got, want in run_both(name, cases):
        np.testing.assert_array_equal(got, want)
        assert got.any()


@pytest.mark.parametrize("name", ["widen3_i8", "widen3_u8"])
def test_widening(name: str) -> None:
    rng = np.random.default_rng(0)
    pixels = int(name[5])
    cases: list[KernelCase] = []
    for groups, position in ((1, 0), (3, 2)):
        words = pixels * (1 + 2 * (groups + position))
        block = rng.integers(-(2**9), 2**9, words).astype(np.int32)
        rows = rng.integers(0, 256, (pixels, 4 * groups + 3)).astype(np.uint8)
        sizes = (rows.shape[1], position, groups)
        cases.append(KernelCase(f"graphopt_{name}", (Buffer(rows), Buffer(block, True)), sizes))
    for got, want in run_both(name, cases):
        np.testing.assert_array_equal(got, want)
