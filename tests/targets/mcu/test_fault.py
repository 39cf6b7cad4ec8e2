"""Fault registers are said in words, and the guilty function is named."""

import numpy as np
import pytest

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.elf import Symbol, SymbolTable
from graphopt.targets.mcu.fault import fault_error
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, run_kernel
from tests.targets.mcu.cores import CORES, compile_c, mcu

DEEPER = """
__attribute__((noinline)) static int deeper(volatile int *a, int n) {
  volatile int frame[32];
  frame[n & 31] = *a;
  return n == 0 ? 0 : deeper(a, n - 1) + frame[n & 31];
}
"""
SYMBOLS = SymbolTable([Symbol("k_conv", 0x100, 0x40, True), Symbol("model_run", 0x200, 0x80, True)])


def arm(exception: int = 3, cfsr: int = 0, pc: int = 0x110, lr: int = 0x213) -> str:
    registers = (exception, cfsr, 0, 0x44, 0x88, pc, lr, 0x20001000, 0xFFFFFFFD)
    return str(fault_error("arm", registers, SYMBOLS, "k_pool"))


def test_the_function_at_the_program_counter() -> None:
    assert arm(6, 1 << 16).startswith(
        "k_conv: expected it to return, found a UsageFault: undefined instruction (UNDEFINSTR)"
    )


def test_a_jump_astray_is_the_callers() -> None:
    assert arm(pc=0xDEADBEEE).startswith("model_run:")
    assert arm(pc=0xDEADBEEE, lr=0xFFFFFFFF).startswith("k_pool:")


def test_addresses_only_where_they_are_valid() -> None:
    assert "address 0x00000088" in arm(5, 1 << 9 | 1 << 15)
    assert "0x00000088" not in arm(5, 1 << 10)
    assert "address 0x00000044" in arm(4, 1 << 1 | 1 << 7)


def test_all_reasons_are_listed() -> None:
    text = arm(3, 1 << 12 | 1 << 25)
    assert "the stack overflowed (STKERR); division by zero (DIVBYZERO)" in text
    assert "HardFault" in text and "LR 0x00000213" in text


def test_riscv() -> None:
    text = str(fault_error("riscv32", (7, 0x104, 0x44, 0x206, 0x80800000), SYMBOLS, None))
    assert text.startswith("k_conv: expected it to return, found a trap: store to an address")
    assert "address 0x00000044" in text and "mcause 0x00000007" in text
    illegal = str(fault_error("riscv32", (2, 0x104, 0x44, 0x206, 0), SYMBOLS, None))
    assert "illegal instruction (mcause" in illegal


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("body", "arm_says", "riscv_says"),
    [
        ("__builtin_trap();", "undefined instruction", "(breakpoint|illegal)"),
        ("((void (*)(void))0xE1000001u)();", "(IACCVIOL|IBUSERR|HardFault)", "instruction fetch"),
        ("*(volatile int *)0xF0000000u = 1;", "BFAR|0xf0000000", "store to .*0xf0000000"),
        ("deeper(a, 9999);", "stack|without memory|HardFault|INVSTATE", "found it full"),
        ("volatile int zero = 0; *(int *)a /= zero;", "division by zero", None),
    ],
    ids=["undefined", "astray", "store", "stack", "divide"],
)
def test_faults_on_purpose(core: str, body: str, arm_says: str, riscv_says: str | None) -> None:
    target = mcu(core)
    assert target.emulator is not None
    expected = riscv_says if target.emulator.system == "riscv32" else arm_says
    if expected is None or (core == "cortex-m0plus" and "zero" in body):
        pytest.skip(f"{core} does not fault there")
    source = DEEPER + f"int guilty(void *a) {{ {body} return a != 0; }}"
    case = KernelCase("guilty", (Buffer(np.zeros(4, np.int32), written=True),))
    with pytest.raises(EmulatorError, match=f"(guilty|deeper|stack): .*({expected})"):
        run_kernel(target, [compile_c(target, source)], case)
