"""Functions in assembly that kernels call, each with its definition in portable C beside it.

`<name>.S` defines `graphopt_<name>` for the Arm cores that its schedules take, `<name>.riscv32.S`
for RISC-V; `<name>.c` says the same in C99, for other compilers and machines. Text that several of
them share is a file `<name>.inc`, put in the place of its `.include "<name>.inc"` (`#include` in
C).
"""

import re
from functools import cache
from importlib.resources import files

from graphopt.targets import Target

_FOLDER = files("graphopt.schedules.mcu.routines")


def routine_text(name: str, target: Target) -> str:
    """The assembly of routine `name` for the architecture of `target`, in GNU syntax."""
    return _read(f"{name}.riscv32.S" if target.mtriple.startswith("riscv32") else f"{name}.S")


def routine_source(name: str) -> str:
    """The C definition of routine `name`."""
    return _read(f"{name}.c")


@cache
def _read(name: str) -> str:
    text = _FOLDER.joinpath(name).read_text(encoding="utf-8")
    return re.sub(r'^[.#]include "(.+)"\n', lambda match: _read(match[1]), text, flags=re.MULTILINE)
