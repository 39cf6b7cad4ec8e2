"""Fault registers in words.

Armv8-M Architecture Reference Manual, D1.2; RISC-V Privileged Architecture, 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.elf import SymbolTable

_CFSR = {
    0: "instruction fetch from a forbidden address (IACCVIOL)",
    1: "data access to a forbidden address (DACCVIOL)",
    3: "forbidden access on return from an exception (MUNSTKERR)",
    4: "forbidden access while an exception saved its frame: the stack overflowed (MSTKERR)",
    5: "forbidden access while saving floating-point registers (MLSPERR)",
    8: "instruction fetch from an address without memory (IBUSERR)",
    9: "data access to an address without memory (PRECISERR)",
    10: "late data access to an address without memory (IMPRECISERR)",
    11: "no memory on return from an exception (UNSTKERR)",
    12: "no memory where an exception saved its frame: the stack overflowed (STKERR)",
    13: "no memory where floating-point registers are saved (LSPERR)",
    16: "undefined instruction (UNDEFINSTR)",
    17: "jump to an address without the Thumb bit, or a corrupted state (INVSTATE)",
    18: "invalid return from an exception (INVPC)",
    19: "instruction of an absent or disabled coprocessor (NOCP)",
    20: "stack limit passed (STKOF)",
    24: "word or halfword at an address that is no multiple of its size (UNALIGNED)",
    25: "division by zero (DIVBYZERO)",
}
_MMARVALID, _BFARVALID = 1 << 7, 1 << 15
_EXCEPTIONS = {
    2: "NMI",
    3: "HardFault",
    4: "MemManage fault",
    5: "BusFault",
    6: "UsageFault",
    7: "SecureFault",
}
_CAUSES = {
    0: "instruction address misaligned",
    1: "instruction fetch from an address without memory",
    2: "illegal instruction",
    3: "breakpoint",
    4: "load from an address that is no multiple of its size",
    5: "load from an address without memory",
    6: "store to an address that is no multiple of its size",
    7: "store to an address without memory",
    11: "environment call",
}


def fault_error(
    system: str, registers: Sequence[int], symbols: SymbolTable, running: str | None
) -> EmulatorError:
    """The error that says what happened, where, and which function did it.

    `registers` are those that the start code of `system` prints, in its order. `running` is the
    kernel that was entered last: it is to blame where the registers lead nowhere.
    """
    fault = _arm(registers) if system == "arm" else _riscv(registers)
    # Code that jumped astray stands nowhere; the link register still knows who called it.
    place = symbols.function_at(fault.pc) or symbols.function_at((fault.lr & ~1) - 1)
    where = place.name if place else running or "unknown function"
    state = ", ".join(f"{name} {value:#010x}" for name, value in fault.state.items())
    return EmulatorError(where, f"expected it to return, found a {fault.reason} ({state})")


@dataclass(frozen=True)
class _Fault:
    reason: str
    pc: int
    lr: int
    state: dict[str, int]


def _arm(registers: Sequence[int]) -> _Fault:
    exception, cfsr, hfsr, mmfar, bfar, pc, lr, sp, _ = registers
    reasons = [text for bit, text in _CFSR.items() if cfsr >> bit & 1]
    if hfsr >> 1 & 1:
        reasons.append("no handler address in the vector table (VECTTBL)")
    if cfsr & _MMARVALID:
        reasons.append(f"address {mmfar:#010x}")
    if cfsr & _BFARVALID:
        reasons.append(f"address {bfar:#010x}")
    name = _EXCEPTIONS.get(exception, f"exception {exception}")
    state = {"CFSR": cfsr, "HFSR": hfsr, "PC": pc, "LR": lr, "SP": sp}
    return _Fault(f"{name}: {'; '.join(reasons) or 'no reason given'}", pc, lr, state)


def _riscv(registers: Sequence[int]) -> _Fault:
    mcause, mepc, mtval, ra, sp = registers
    reason = _CAUSES.get(mcause, f"exception {mcause}")
    if mcause in (1, 4, 5, 6, 7):
        reason += f"; address {mtval:#010x}"
    state = {"mcause": mcause, "mtval": mtval, "PC": mepc, "LR": ra, "SP": sp}
    return _Fault(f"trap: {reason}", mepc, ra, state)
