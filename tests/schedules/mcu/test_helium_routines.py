"""The routines in assembly do what their definitions in C do, and take as many instructions."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.lower.assembly import assemble
from graphopt.schedules.mcu.helium.weights import pack_rows, pad_numbers
from graphopt.schedules.mcu.routines import routine_source, routine_text
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, KernelRun, run_kernels

from ...targets.mcu.cores import compile_c, mcu


def both(name: str, cases: list[KernelCase]) -> list[KernelRun]:
    """The runs of the assembly, after it gave the bytes of the C definition in every case."""
    target = mcu("cortex-m55")
    written = assemble(routine_text(name, target), f"graphopt_{name}", target)
    defined = compile_c(target, routine_source(name))
    runs = run_kernels(target, [written], cases)
    for case, got, want in zip(cases, runs, run_kernels(target, [defined], cases), strict=True):
        for index, array in want.outputs.items():
            np.testing.assert_array_equal(got.outputs[index], array, str(case.sizes))
    return runs


def product(rows: int, pitch: int, depth: int, channels: int, mode: int) -> KernelCase:
    """Sums that fill the range of i8, and leave it."""
    rng = np.random.default_rng(depth)
    x = rng.integers(-128, 128, pitch * (rows - 1) + depth, dtype=np.int8)
    w = rng.integers(-128, 128, (channels, depth), dtype=np.int8)
    bias = rng.integers(-9999, 9999, channels, dtype=np.int32)
    factor = 2.0**32 * 60 / (5400 * depth**0.5)
    multiplier = (factor * rng.uniform(0.5, 1.5, channels)).astype(np.int32)
    out = np.zeros((rows, channels + 2), np.int32 if mode == 2 else np.int8)
    inputs = (x, pack_rows(w), pad_numbers(bias), pad_numbers(multiplier))
    buffers = (*(Buffer(array) for array in inputs), Buffer(out, written=True))
    sizes = (rows, pitch, depth, channels, out.strides[0], -5, mode)
    return KernelCase("graphopt_helium_product", buffers, sizes)


def short(rows: int, pitch: int, depth: int, channels: int, mode: int) -> KernelCase:
    case = product(rows, pitch, depth, channels, mode)
    out = Buffer(np.zeros((rows, channels), np.int8), written=True)
    sizes = (rows, pitch, depth, channels, -5, mode)
    return KernelCase("graphopt_helium_short", (*case.buffers[:4], out), sizes)


def test_products_of_any_size_and_mode() -> None:
    both(
        "helium_product",
        [
            product(rows, pitch, depth, channels, mode)
            for mode in (0, 1, 2)
            for rows, pitch, depth, channels in (
                (1, 1, 1, 1),
                (2, 16, 16, 4),
                (3, 7, 27, 5),
                (5, 40, 33, 10),
                (4, 48, 144, 7),
                (1, 8, 8, 12),
            )
        ],
    )


def test_products_take_less_than_an_eighth_of_an_instruction() -> None:
    few, many = both("helium_product", [product(2, 0, n, 4, 0) for n in (160, 1600)])
    assert many.instructions - few.instructions == 1440 * 8 * 30 // 256


def test_short_products_of_any_depth() -> None:
    cases = [
        short(rows, pitch, depth, channels, mode)
        for mode in (0, 1)
        for rows, pitch, depth, channels in ((1, 1, 1, 4), (2, 16, 16, 8), (5, 9, 7, 12))
    ]
    both("helium_short", cases)


def test_short_products_keep_their_weights() -> None:
    few, many = both("helium_short", [short(rows, 16, 16, 4, 0) for rows in (8, 16)])
    assert many.instructions - few.instructions == 4 * 30


def test_narrow_numbers_are_unpacked() -> None:
    packed = np.arange(256, dtype=np.int16).astype(np.int8)
    cases = [
        KernelCase(
            "graphopt_helium_unpack",
            (Buffer(packed), Buffer(np.zeros(256 * 8 // bits, np.int8), written=True)),
            (256, bits),
        )
        for bits in (2, 4)
    ]
    both("helium_unpack", cases)


def gather(depth: int, first: int, last: int, around: tuple[int, int, int]) -> KernelCase:
    """Columns of 3 rows of an image of 9 pixels a row."""
    rng = np.random.default_rng(depth)
    image = rng.integers(-128, 128, 3 * 9 * depth, dtype=np.int8)
    padding = rng.integers(-128, 128, depth, dtype=np.int8)
    out = np.full((sum(around), 3 * depth + 2), 77, np.int8)
    buffers = (Buffer(image), Buffer(out, written=True), Buffer(padding))
    sizes = (depth, 3, first, last, *around, 9 * depth, depth, 3 * depth + 2)
    return KernelCase("graphopt_helium_gather", buffers, sizes)


@pytest.mark.parametrize("depth", [1, 15, 16, 17, 40, 64])
def test_gathered_columns_inside_and_outside_of_the_image(depth: int) -> None:
    cases = [
        gather(depth, first, last, around)
        for first, last in ((0, 3), (1, 3), (0, 2), (2, 2))
        for around in ((0, 9, 0), (2, 5, 1), (3, 0, 0))
    ]
    both("helium_gather", cases)


def columns(channels: int, first: int, last: int, around: tuple[int, int, int]) -> KernelCase:
    """Columns of an image of 4 rows of 9 pixels."""
    rng = np.random.default_rng(channels)
    image = rng.integers(-128, 128, 4 * 9 * channels, dtype=np.int8)
    padding = rng.integers(-128, 128, channels, dtype=np.int8)
    out = np.zeros((sum(around), 64), np.int8)
    buffers = (Buffer(image), Buffer(out, written=True), Buffer(padding))
    sizes = (channels, first, last, *around, 9 * channels, channels, 64)
    return KernelCase("graphopt_helium_columns", buffers, sizes)


def test_columns_inside_and_outside_of_the_image() -> None:
    cases = [
        columns(channels, first, last, around)
        for channels in (1, 7, 16)
        for first, last in ((0, 4), (1, 4), (0, 3), (2, 2))
        for around in ((0, 9, 0), (2, 5, 1), (3, 0, 0))
    ]
    both("helium_columns", cases)


def depthwise(taps: int, count: int, stride: int, channels: int, scalar: bool) -> KernelCase:
    """Two rows of outputs over columns of `taps` bytes a channel."""
    rng = np.random.default_rng(count)
    column = taps // 4 * 64
    x = rng.integers(-128, 128, ((count + 3) * stride + taps) * column, dtype=np.int8)
    w = rng.integers(-128, 128, 2 * taps * column, dtype=np.int8)
    bias = rng.integers(-9999, 9999, channels, dtype=np.int32)
    factor = 2.0**32 * 60 / (5400 * taps)
    multiplier = (factor * rng.uniform(0.5, 1.5, channels)).astype(np.int32)
    pitch = channels + 3
    out = np.zeros((2, count + 1, pitch), np.int8)
    inputs = (x, w, pad_numbers(bias), pad_numbers(multiplier))
    buffers = (*(Buffer(array) for array in inputs), Buffer(out, written=True))
    row_pitch = (count + 1) * pitch
    sizes = (2, count, stride * column, channels, row_pitch, pitch, 7, int(scalar))
    return KernelCase(f"graphopt_helium_depthwise_{taps}", buffers, sizes)


@pytest.mark.parametrize("taps", [4, 8])
def test_depthwise_windows(taps: int) -> None:
    cases = [
        depthwise(taps, count, stride, channels, scalar)
        for count, stride in ((1, 1), (4, 1), (7, 2), (5, 3))
        for channels in (1, 4, 7, 16)
        for scalar in (False, True)
    ]
    both(f"helium_depthwise_{taps}", cases)


def test_depthwise_pixels_take_few_instructions() -> None:
    small = both("helium_depthwise_4", [depthwise(4, n, 1, 4, False) for n in (8, 16)])
    large = both("helium_depthwise_8", [depthwise(8, n, 1, 1, False) for n in (8, 16)])
    assert small[1].instructions - small[0].instructions == 2 * 8 * 19
    assert large[1].instructions - large[0].instructions == 2 * 2 * 50
