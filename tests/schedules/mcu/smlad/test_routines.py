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
# Pixels of a block, weights in 16 bits of memory.
BLOCKS = [("digits8", 3, 2), ("words16", 3, 1), ("digits4", 2, 4), ("digits2", 2, 8)]
VECTORS = [("digits8", 2), ("words16", 1), ("digits4", 4), ("digits2", 8)]
# Multipliers that spread results over 8 bits, by weights in 16 bits.
SCALE = {1: 2**14, 2: 2**21, 4: 2**25, 8: 2**27}
# Routines that cut long products into chunks.
CUT = ("digits8", "digits4")


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


@pytest.mark.parametrize(("name", "pixels", "per_half"), BLOCKS)
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
        multipliers = rng.integers(1, SCALE[per_half], channels).astype(np.int32)
        bias = rng.integers(-999, 999, channels).astype(np.int32)
        operands: list[NDArray[Any]] = [block, weights, out, multipliers, bias]
        buffers = tuple(Buffer(array, array is out) for array in operands)
        chunk = 16 if name in CUT else 1 << 20
        sizes = (channels, 20, channels, groups, chunk, ending)
        cases.append(KernelCase(f"graphopt_{name}", buffers, sizes))
    for got, want in run_both(name, cases):
        np.testing.assert_array_equal(got, want)
        assert np.unique(got).size > 1


@pytest.mark.parametrize("name", ["widen3_i8", "widen3_u8", "widen2_i8", "widen2_u8"])
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


@pytest.mark.parametrize("x", ["i8", "u8"])
@pytest.mark.parametrize(("weights", "per_half"), VECTORS)
def test_products_of_vectors(weights: str, per_half: int, x: str) -> None:
    rng = np.random.default_rng(0)
    name = f"dense_{weights}_{x}"
    cases: list[KernelCase] = []
    for groups, channels, ending in ((1, 4, I8), (5, 8, U8), (8, 4, SUMS), (27, 4, I8)):
        vector = rng.integers(0, 256, 4 * groups).astype(np.uint8)
        shape = (channels * groups * 4 // per_half,)
        packed = rng.integers(-(2**15), 2**15, shape).astype(np.int16)
        out = np.zeros(channels, np.int32 if ending == SUMS else np.int8)
        multipliers = rng.integers(1, SCALE[per_half], channels).astype(np.int32)
        bias = rng.integers(-999, 999, channels).astype(np.int32)
        operands: list[NDArray[Any]] = [vector, packed, out, multipliers, bias]
        buffers = tuple(Buffer(array, array is out) for array in operands)
        for step in (4, 0):
            chunk = 16 if weights in CUT else 1 << 20
            sizes = (20, step, channels, groups, chunk, ending)
            cases.append(KernelCase(f"graphopt_{name}", buffers, sizes))
    for got, want in run_both(name, cases):
        np.testing.assert_array_equal(got, want)
        assert np.unique(got).size > 1


def test_copies_of_rows() -> None:
    rng = np.random.default_rng(0)
    cases: list[KernelCase] = []
    for nbytes, step, rows in ((9, 17, 3), (3, 5, 2), (4, 4, 1), (1, 3, 4), (13, 20, 2)):
        for pixels in (1, 3):
            source = rng.integers(1, 256, rows * step + 2 * pixels).astype(np.uint8)
            copy = np.zeros((pixels, nbytes * rows), np.uint8)
            buffers = (Buffer(source), Buffer(copy, True))
            sizes = (step, nbytes, rows, pixels, 2, nbytes * rows)
            cases.append(KernelCase("graphopt_copy_rows", buffers, sizes))
    for got, want in run_both("copy_rows", cases):
        np.testing.assert_array_equal(got, want)
        assert got.all()
