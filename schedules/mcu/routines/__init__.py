"""Functions in assembly that kernels call, each with its definition in portable C beside it.

`<name>.S` defines `graphopt_<name>` for the cores that its schedules take; `<name>.c` says the
same in C99, for other compilers and machines.
"""

from functools import cache
from importlib.resources import files

_FOLDER = files("graphopt.schedules.mcu.routines")


@cache
def routine_text(name: str) -> str:
    """The assembly of routine `name`, in GNU syntax."""
    return _FOLDER.joinpath(f"{name}.S").read_text(encoding="utf-8")


@cache
def routine_source(name: str) -> str:
    """The C definition of routine `name`."""
    return _FOLDER.joinpath(f"{name}.c").read_text(encoding="utf-8")
