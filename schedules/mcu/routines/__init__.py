"""Functions in assembly that kernels call, each with its definition in portable C beside it.

`<name>.S` defines `graphopt_<name>` for the cores that its schedules take; `<name>.c` says the
same in C99, for other compilers and machines. Text that several of them share is a file
`<name>.inc`, put in the place of its `.include "<name>.inc"` (`#include` in C).
"""

import re
from functools import cache
from importlib.resources import files

_FOLDER = files("graphopt.schedules.mcu.routines")


@cache
def routine_text(name: str) -> str:
    """The assembly of routine `name`, in GNU syntax."""
    return _read(f"{name}.S")


@cache
def routine_source(name: str) -> str:
    """The C definition of routine `name`."""
    return _read(f"{name}.c")


def _read(name: str) -> str:
    text = _FOLDER.joinpath(name).read_text(encoding="utf-8")
    return re.sub(r'^[.#]include "(.+)"\n', lambda match: _read(match[1]), text, flags=re.MULTILINE)
