"""Kernels run on every core with exact counts, and are caught when they break their contract."""

import numpy as np
import pytest

from graphopt.errors import BuildError, EmulatorError
from graphopt.targets import McuTarget
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, run_kernel, run_kernels
from tests.targets.mcu.cores import CORES, compile_c, mcu

SOURCE = """
#include <stdint.h>
int32_t add(const int8_t *a, const int8_t *b, int8_t *c, int32_t n) {
  for (int32_t i = 0; i < n; i++) c[i] = (int8_t)(a[i] + b[i]);
  return n;
}
int32_t many(int32_t *out, int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f,
             int32_t g, int32_t h, int32_t i, int32_t j) {
  const int32_t all[] = {a, b, c, d, e, f, g, h, i, j};
  for (int k = 0; k < 10; k++) out[k] = all[k];
  return 0;
}
__attribute__((naked)) int32_t three(int32_t *a) {
#if defined(__riscv)
  __asm volatile("addi a0, a0, 0\\n addi a0, x0, 9\\n ret");
#else
  __asm volatile("nop\\n movs r0, #9\\n bx lr");
#endif
}
int32_t stack(int32_t *out) {
  volatile int32_t x[100];
  for (int i = 0; i < 100; i++) x[i] = i;
  *out = x[42];
  return 0;
}
int32_t behind(int8_t *a) { a[16] = 1; return 0; }
int32_t before(int8_t *a) { a[-2] = 1; return 0; }
int32_t first(int8_t *a) { a[3] = 1; return 0; }
int32_t wild(int8_t *a) { *(volatile int8_t *)0xF0000000u = 1; return *a; }
int32_t spin(volatile int8_t *a) { for (;;) *a = 1; return 0; }
"""


@pytest.fixture(params=CORES)
def target(request: pytest.FixtureRequest) -> McuTarget:
    return mcu(request.param)


@pytest.fixture
def kernels(target: McuTarget) -> bytes:
    return compile_c(target, SOURCE)


def operands(n: int) -> tuple[Buffer, Buffer, Buffer]:
    a, b = np.random.default_rng(n).integers(-60, 60, (2, n), dtype=np.int8)
    return Buffer(a), Buffer(b), Buffer(np.zeros(n, np.int8), written=True)


def test_outputs_of_many_cases_in_one_start(target: McuTarget, kernels: bytes) -> None:
    cases = [KernelCase("add", operands(n), (n,)) for n in range(1, 60)]
    runs = run_kernels(target, [kernels], cases)
    for n, case, run in zip(range(1, 60), cases, runs, strict=True):
        a, b, _ = case.buffers
        np.testing.assert_array_equal(run.outputs[2], a.array + b.array)
        assert run.returned == n
    again = run_kernels(target, [kernels], cases[::-1])[::-1]
    assert [r.instructions for r in runs] == [r.instructions for r in again]


def test_counts_are_exact(target: McuTarget, kernels: bytes) -> None:
    case = KernelCase("three", (Buffer(np.zeros(1, np.int32)),))
    run = run_kernel(target, [kernels], case)
    assert (run.instructions, run.returned, run.stack_bytes) == (3, 9, 0)
    add = KernelCase("add", operands(5), (5,))
    (detailed,) = run_kernels(target, [kernels], [add], detail=True)
    assert detailed.instructions == run_kernel(target, [kernels], add).instructions
    assert detailed.profile.addresses[:, 1].sum() == detailed.instructions
    assert detailed.profile.loads >= 2 and detailed.profile.stores >= 1


def test_arguments_beyond_the_registers(target: McuTarget, kernels: bytes) -> None:
    out = Buffer(np.zeros(10, np.int32), written=True)
    sizes = tuple(range(-3, 7))
    run = run_kernel(target, [kernels], KernelCase("many", (out,), sizes))
    np.testing.assert_array_equal(run.outputs[0], sizes)


def test_an_output_lies_over_an_input(target: McuTarget, kernels: bytes) -> None:
    a, b, _ = operands(21)
    for offset in (0, -3):
        over = Buffer(np.full(21, 99, np.int8), written=True, over=(0, offset))
        run = run_kernel(target, [kernels], KernelCase("add", (a, b, over), (21,)))
        np.testing.assert_array_equal(run.outputs[2], a.array + b.array)
    # One byte further, an element is written before it is read.
    over = Buffer(np.zeros(21, np.int8), written=True, over=(0, 1))
    run = run_kernel(target, [kernels], KernelCase("add", (a, b, over), (21,)))
    assert (run.outputs[2] != a.array + b.array).any()


def test_stack_is_measured(target: McuTarget, kernels: bytes) -> None:
    out = Buffer(np.zeros(1, np.int32), written=True)
    run = run_kernel(target, [kernels], KernelCase("stack", (out,)))
    assert run.outputs[0] == [42]
    assert 400 <= run.stack_bytes <= 448


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("behind", "found one 1 bytes behind buffer 0 of 16 bytes"),
        ("before", "found one 2 bytes before buffer 0 of 16 bytes"),
        ("first", "expected buffer 0 of 16 bytes to be read only, found byte 3 changed"),
        ("wild", r"wild: expected it to return, found .*without memory.* 0xf0000000"),
    ],
)
def test_broken_contracts(target: McuTarget, kernels: bytes, symbol: str, message: str) -> None:
    case = KernelCase(symbol, (Buffer(np.zeros(16, np.int8)),))
    with pytest.raises(EmulatorError, match=message):
        run_kernel(target, [kernels], case)


@pytest.mark.parametrize("core", ["cortex-m0plus", "rv32imc"])
def test_cores_that_need_alignment(core: str) -> None:
    target = mcu(core)
    source = "int odd(char *a) { return *(volatile int *)(a + 1); }"
    case = KernelCase("odd", (Buffer(np.zeros(16, np.int8)),))
    with pytest.raises(EmulatorError, match="odd: .*multiple of its size"):
        run_kernel(target, [compile_c(target, source)], case)


def test_a_kernel_that_hangs_is_named() -> None:
    target = mcu("cortex-m7")
    case = KernelCase("spin", (Buffer(np.zeros(16, np.int8), written=True),))
    with pytest.raises(EmulatorError, match=r"spin: expected it to end within 0.5 s, .* call 1"):
        run_kernels(target, [compile_c(target, SOURCE)], [case], timeout_seconds=0.5)


def test_a_missing_function_is_named() -> None:
    target = mcu("cortex-m4")
    source = "int helper(void); int calls(void *a) { return helper(); }"
    case = KernelCase("calls", (Buffer(np.zeros(1, np.int8)),))
    with pytest.raises(BuildError, match="undefined reference to `helper'"):
        run_kernel(target, [compile_c(target, source)], case)
