"""Rows of bytes move as their C says: to other memory, and downwards over themselves."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.lower.assembly import assemble
from graphopt.schedules.mcu.routines import routine_source, routine_text
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, KernelRun, run_kernels
from tests.targets.mcu.cores import compile_c, mcu

NAME = "move_rows"
SYMBOL = f"graphopt_{NAME}"


def case(nbytes: int, rows: int, gaps: tuple[int, int], down: int | None) -> KernelCase:
    """A move of rows; `down` bytes over the source itself, or to other memory."""
    rng = np.random.default_rng(nbytes)
    steps = nbytes + gaps[0], nbytes + gaps[1]
    source = rng.integers(1, 256, rows * steps[1]).astype(np.uint8)
    destination = np.zeros(rows * steps[0], np.uint8)
    over = None if down is None else (1, -down)
    buffers = Buffer(destination, True, over), Buffer(source)
    return KernelCase(SYMBOL, buffers, (nbytes, rows, *steps))


def moved(core: str, cases: list[KernelCase], assembly: bool) -> list[KernelRun]:
    target = mcu(core)
    if assembly:
        code = assemble(routine_text(NAME, target), SYMBOL, target)
    else:
        code = compile_c(target, routine_source(NAME))
    return run_kernels(target, [code], cases)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m7", "rv32imc"])
def test_assembly_does_what_the_c_says(core: str) -> None:
    cases = [case(n, 3, gaps, None) for n in (1, 3, 4, 35, 64, 100) for gaps in ((0, 0), (5, 2))]
    for got, want in zip(moved(core, cases, True), moved(core, cases, False), strict=True):
        assert got.returned == want.returned == 0
        np.testing.assert_array_equal(got.outputs[0], want.outputs[0])


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m7", "rv32imc"])
def test_rows_slide_over_themselves(core: str) -> None:
    cases = [case(n, 1, (0, 0), down) for n in (7, 40, 100) for down in (1, 4, 12, 64)]
    for given, run in zip(cases, moved(core, cases, True), strict=True):
        np.testing.assert_array_equal(run.outputs[0], given.buffers[1].array)


def test_words_take_a_fifth_of_an_instruction_a_byte() -> None:
    (run,) = moved("cortex-m7", [case(3200, 1, (0, 0), None)], True)
    assert run.instructions <= 640
