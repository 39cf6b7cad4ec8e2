"""Each routine of scalar cores does what its definition in C does, on the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from graphopt.lower.assembly import assemble
from graphopt.schedules.mcu.routines import routine_source, routine_text
from graphopt.schedules.mcu.scalar.weights import packed
from graphopt.targets import McuTarget
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, KernelRun, run_kernels

from ....targets.mcu.cores import compile_c, mcu

CORES = ("cortex-m0plus", "rv32imc")
EDGES = (0, 1, -1, 2**15, 2**16 - 1, -(2**16), 2**31 - 1, -(2**31), 2**31 - 2**15)


def both(target: McuTarget, name: str, cases: list[KernelCase]) -> Iterator[tuple[KernelRun, ...]]:
    """The cases run in assembly and in C."""
    symbol = f"graphopt_{name}"
    objects = (
        assemble(routine_text(name, target), symbol, target),
        compile_c(target, routine_source(name)),
    )
    return zip(*(run_kernels(target, [each], cases) for each in objects), strict=True)


def agree(target: McuTarget, name: str, cases: list[KernelCase]) -> None:
    for assembly, c in both(target, name, cases):
        assert assembly.returned == c.returned
        for i, array in c.outputs.items():
            np.testing.assert_array_equal(assembly.outputs[i], array)


def case(name: str, buffers: tuple[Buffer, ...], *sizes: int) -> KernelCase:
    return KernelCase(f"graphopt_{name}", buffers, sizes)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_dots(core: str, bits: int) -> None:
    name, rng = f"scalar_dots_w{bits}", np.random.default_rng(bits)

    def made(depth: int, blocks: int) -> KernelCase:
        weights = rng.integers(0, 2**bits, (blocks, depth, 8))
        bias = rng.integers(-(2**31), 2**31, (blocks, 8)).astype(np.int32)
        window = rng.integers(-128, 256, depth).astype(np.int16)
        sums = Buffer(np.zeros_like(bias), written=True)
        buffers = (Buffer(window), Buffer(packed(weights, bits)), Buffer(bias), sums)
        return case(name, buffers, depth, blocks, -12345)

    cases = [made(depth, blocks) for depth in (4, 8, 60) for blocks in (1, 4)]
    agree(mcu(core), name, cases)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("x", ["i8", "u8"])
def test_dots_of_bytes(core: str, x: str) -> None:
    name, rng = f"scalar_dots_{x}_w8", np.random.default_rng(0)

    def made(depth: int, blocks: int) -> KernelCase:
        weights = rng.integers(0, 256, (blocks, depth, 8))
        bias = rng.integers(-(2**31), 2**31, (blocks, 8)).astype(np.int32)
        window = rng.integers(0, 256, depth).astype(np.uint8)
        sums = Buffer(np.zeros_like(bias), written=True)
        buffers = (Buffer(window), Buffer(packed(weights, 8)), Buffer(bias), sums)
        return case(name, buffers, depth, blocks, -12345)

    agree(mcu(core), name, [made(depth, blocks) for depth in (4, 60) for blocks in (1, 4)])


def i32(numbers: object) -> NDArray[np.int32]:
    return np.asarray(numbers, np.int64).astype(np.int32)


@pytest.mark.parametrize("core", CORES)
def test_requantize(core: str) -> None:
    rng = np.random.default_rng(0)
    sums = i32(np.concatenate([np.repeat(EDGES, 9), rng.integers(-(2**31), 2**31, 40)]))
    factors = i32(np.concatenate([np.tile(EDGES, 9), rng.integers(0, 2**24, 40)]))

    def made(sums: NDArray[np.int32], step: int, apart: int, *rest: int) -> KernelCase:
        n = sums.size
        y = Buffer(np.zeros(n * apart, np.int8), written=True)
        return case("scalar_requantize", (Buffer(sums), Buffer(factors), y), n, step, apart, *rest)

    cases = [
        made(sums, 4, 1, 5, -128, 127),
        made(sums >> 8, 4, 1, -5, -128, 127),
        made(sums >> 12, 0, 3, 5, -100, 20),
        made(sums >> 8, 4, 7, 128, 0, 255),
        made(sums[:1], 4, 1, 5, -128, 127),
        made(sums[:2], 4, 1, 5, -128, 127),
    ]
    agree(mcu(core), "scalar_requantize", cases)


def test_rescale() -> None:
    core = "cortex-m0plus"
    cases = [case("scalar_rescale", (), x, m, 77) for x in EDGES for m in EDGES]
    agree(mcu(core), "scalar_rescale", cases)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", ["scalar_widen_i8", "scalar_widen_u8"])
def test_widen(core: str, name: str) -> None:
    numbers = np.random.default_rng(0).integers(0, 256, 23).astype(np.uint8)

    def made(n: int) -> KernelCase:
        return case(name, (Buffer(np.zeros(23, np.int16), written=True), Buffer(numbers)), n)

    agree(mcu(core), name, [made(n) for n in range(24)])


@pytest.mark.parametrize("core", CORES)
def test_gather(core: str) -> None:
    numbers = np.random.default_rng(0).integers(0, 256, 90).astype(np.uint8)

    def made(n: int, step: int, flip: int) -> KernelCase:
        to = Buffer(np.zeros(25, np.uint8), written=True)
        return case("scalar_gather", (to, Buffer(numbers)), n, step, flip)

    cases = [made(n, 3, 128) for n in range(-1, 26)] + [made(n, 1, 0) for n in (4, 9)]
    agree(mcu(core), "scalar_gather", cases)


@pytest.mark.parametrize("core", CORES)
def test_taps(core: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, 200).astype(np.uint8)

    def made(columns: int, rows: int) -> KernelCase:
        weights = rng.integers(-(2**15), 2**15, 6)
        ways = np.array([0, 1, 1, 20, -1, 30])
        taps = i32((weights << 16) + (ways & 0xFFFF))
        sums = Buffer(np.zeros(rows * columns + 7, np.int32), written=True)
        return case("scalar_taps", (Buffer(x), Buffer(taps), sums), 6, columns, rows, 22, -99)

    target = mcu(core)
    cases = [made(columns, rows) for columns in (1, 8, 19) for rows in (1, 3)]
    for assembly, c in both(target, "scalar_taps", cases):
        np.testing.assert_array_equal(assembly.outputs[2][:-7], c.outputs[2][:-7])


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("bits", "group"), [(2, 8), (2, 16), (4, 8), (4, 16)])
def test_pairs_of_pixels_in_one_word(core: str, bits: int, group: int) -> None:
    name, rng = f"scalar_pairs_w{bits}", np.random.default_rng(bits)
    low, high = (0, 255) if group == 8 else (-128, 127)

    def made(depth: int, blocks: int, extreme: bool) -> KernelCase:
        weights = rng.integers(0, 2**bits, (blocks, depth, 8))
        windows = rng.integers(low, high, (2, depth), endpoint=True)
        if extreme:
            weights[:], windows[0], windows[1] = 2**bits - 1, low or high, high
        bias = rng.integers(-(2**31), 2**31, (blocks, 8)).astype(np.int32)
        words = i32(windows[0] + 2**16 * windows[1])
        sums = Buffer(np.zeros((2, 32), np.int32), written=True)
        buffers = (Buffer(words), Buffer(packed(weights, bits)), Buffer(bias), sums)
        return case(name, buffers, depth, blocks, -12345, 54321, group)

    shapes = [(depth, blocks) for depth in (4, 8, 60) for blocks in (1, 4)]
    cases = [made(*shape, extreme) for shape in shapes for extreme in (False, True)]
    agree(mcu(core), name, cases)


@pytest.mark.parametrize("bits", [8, 16])
def test_pairs_of_windows(bits: int) -> None:
    name, rng = f"scalar_pairs_w{bits}", np.random.default_rng(bits)

    def made(depth: int, blocks: int) -> KernelCase:
        weights = rng.integers(0, 2**bits, (blocks, depth, 8))
        windows = rng.integers(-128, 256, (2, depth)).astype(np.int16)
        bias = rng.integers(-(2**31), 2**31, (blocks, 8)).astype(np.int32)
        sums = Buffer(np.zeros((2, 32), np.int32), written=True)
        buffers = (Buffer(windows), Buffer(packed(weights, bits)), Buffer(bias), sums)
        return case(name, buffers, depth, blocks, -12345, 54321)

    shapes = [(depth, blocks) for depth in (4, 8, 60) for blocks in (1, 4)]
    agree(mcu("rv32imc"), name, [made(*shape) for shape in shapes])


@pytest.mark.parametrize("core", CORES)
def test_combine(core: str) -> None:
    rng = np.random.default_rng(0)
    windows = rng.integers(-(2**15), 2**15, (2, 9)).astype(np.int16)
    to = Buffer(np.zeros(9, np.int32), written=True)
    buffers = (to, Buffer(windows[0]), Buffer(windows[1]))
    agree(mcu(core), "scalar_combine", [case("scalar_combine", buffers, n) for n in (1, 4, 9)])
