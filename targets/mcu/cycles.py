"""An estimate of cycles: what was executed, times what an instruction of its class takes.

Memory without wait states, no stalls but those that the classes stand for. What is exact is the
number of times that each instruction was executed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphopt.targets.mcu.toolchain import call, find
from graphopt.targets.target import McuTarget

_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)[ \t]*([^@;#<]*)")
_MULTIPLE = re.compile(r"(ldm|stm|push|pop|vldm|vstm|vpush|vpop)")
_DOUBLE = re.compile(r"(ldr|str)(ex)?d$")
_LOAD = re.compile(r"(c\.)?(v?ldr|lda|lw|lh|lb|lr)")
_STORE = re.compile(r"(c\.)?(v?str|stl|sw$|sh$|sb$|swsp|sc\.)")
_DIVIDE = re.compile(r"(udiv|sdiv|div|rem|vdiv|vsqrt)")
_CONDITION = r"(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"
_CONDITIONAL = re.compile(rf"(b{_CONDITION}$|cbn?z$|b(eq|ne|lt|ge|gt|le)[uz]*$)")
_JUMP = re.compile(r"(b|bl|bx|blx|bxns|j|jal|jalr|jr|ret|call|tail|tbb|tbh)$")
_REGISTER = re.compile(r"(r|s|d|q)(\d+)(?:-\1(\d+))?|\b(sl|fp|ip|sp|lr|pc)\b")


@dataclass(frozen=True)
class CycleModel:
    """What the instructions of one program take, by address, in rising order.

    `always` is spent at every execution. `taken` comes on top where a branch leaves the straight
    line; how often it does is what is missing at the instruction that follows.
    """

    addresses: NDArray[np.uint64]
    always: NDArray[np.float64]
    taken: NDArray[np.float64]

    def estimate(self, executed: NDArray[np.uint64]) -> float:
        """The cycles of rows (address, times executed)."""
        counts = np.zeros(len(self.addresses) + 1)
        np.add.at(counts, np.searchsorted(self.addresses, executed[:, 0]), executed[:, 1])
        left = np.maximum(counts[:-1] - counts[1:], 0.0)
        return float(counts[:-1] @ self.always + left @ self.taken)


def cycles_of(program: bytes, target: McuTarget) -> CycleModel:
    """What the instructions of a linked program take on `target`.

    Raises:
        ToolchainError: `objdump` is not installed.
        BuildError: it does not read the program.
    """
    objdump = find(f"{target.toolchain.prefix}-objdump", target.toolchain.packages)
    with tempfile.TemporaryDirectory(prefix="graphopt-") as folder:
        path = Path(folder) / "program.elf"
        path.write_bytes(program)
        text = call([objdump, "-d", "--no-show-raw-insn", path], "disassembly")
    return read_disassembly(text, target.cycles)


def read_disassembly(text: str, cycles: Mapping[str, float]) -> CycleModel:
    """What the instructions of a listing by `objdump` take; `cycles` are those of the classes."""
    rows = sorted(_rows(text, cycles))
    addresses = np.array([row[0] for row in rows], np.uint64)
    always, taken = (np.array([row[i] for row in rows], float) for i in (1, 2))
    return CycleModel(addresses, always, taken)


def _rows(text: str, cycles: Mapping[str, float]) -> Iterator[tuple[int, float, float]]:
    """(address, cycles always, cycles more when a branch is taken) of each instruction."""
    follows = False  # another access to memory, so that it can be pipelined
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            follows = False
            continue
        mnemonic, operands = match[2].split(".n")[0].split(".w")[0], match[3]
        always, taken = _cost(mnemonic, operands, follows, cycles)
        follows = bool(_LOAD.match(mnemonic) or _STORE.match(mnemonic))
        yield int(match[1], 16), always, taken


def _cost(
    mnemonic: str, operands: str, follows: bool, cycles: Mapping[str, float]
) -> tuple[float, float]:
    branch, jump = cycles["branch"], cycles["branch_taken"]
    if _CONDITIONAL.match(mnemonic):
        return branch, jump - branch
    if _JUMP.match(mnemonic):
        return jump, 0.0
    if mnemonic.startswith("v") and "vector" in cycles:
        return cycles["vector"], 0.0
    if _MULTIPLE.match(mnemonic):
        words = sum(_width(register) for register in _REGISTER.finditer(operands.split("{")[-1]))
        loads_pc = mnemonic.startswith(("pop", "ldm")) and "pc" in operands
        more = jump if loads_pc else 0.0
        return cycles["multiple_base"] + cycles["multiple_word"] * words + more, 0.0
    if _DOUBLE.match(mnemonic):
        return cycles["multiple_base"] + cycles["multiple_word"] * 2, 0.0
    if _LOAD.match(mnemonic):
        return cycles["load_next" if follows else "load"], 0.0
    if _STORE.match(mnemonic):
        return cycles["store"], 0.0
    if _DIVIDE.match(mnemonic):
        return cycles["divide"], 0.0
    return cycles["other"], 0.0


def _width(register: re.Match[str]) -> int:
    """The words of a register, or of a range of them."""
    kind, first, last = register[1], register[2], register[3]
    count = int(last) - int(first) + 1 if last else 1
    return count * {"d": 2, "q": 4}.get(kind or "r", 1)
