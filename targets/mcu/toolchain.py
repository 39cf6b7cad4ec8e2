"""The programs that build and run code for a microcontroller: found, named when missing, called."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from graphopt.errors import BuildError, ToolchainError
from graphopt.targets.target import Emulator, McuTarget

HOST_COMPILER, _HOST_PACKAGE = "gcc", "gcc"


def missing_packages(target: McuTarget) -> tuple[str, ...]:
    """The Debian packages without which code for `target` is not built and run here."""
    needed = [(HOST_COMPILER, (_HOST_PACKAGE,)), (_gcc(target), target.toolchain.packages)]
    if target.emulator is not None:
        needed.append((f"qemu-system-{target.emulator.system}", (target.emulator.package,)))
    packages = [p for program, named in needed if shutil.which(program) is None for p in named]
    path = shutil.which(_gcc(target))
    libraries = _c_libraries(target)
    if path is not None and libraries and not _has_c_library(path):
        packages += libraries
    return tuple(packages)


def compiler(target: McuTarget) -> str:
    """The path of the C compiler of `target`, which finds its C library if it should have one.

    Raises:
        ToolchainError: as `find`, or the C library is not installed.
    """
    path, libraries = find(_gcc(target), target.toolchain.packages), _c_libraries(target)
    if libraries and not _has_c_library(path):
        raise _missing(path, "the C library of this compiler", libraries)
    return path


def emulator(machine: Emulator) -> str:
    """The path of the program that emulates `machine`. Raises as `find`."""
    return find(f"qemu-system-{machine.system}", (machine.package,))


def host_compiler() -> str:
    """The path of this machine's C compiler. Raises as `find`."""
    return find(HOST_COMPILER, (_HOST_PACKAGE,))


def find(program: str, packages: Sequence[str]) -> str:
    """The path of a program of the Debian packages `packages`.

    Raises:
        ToolchainError: it is not installed; names the packages.
    """
    path = shutil.which(program)
    if path is None:
        raise _missing(program, "this program on the PATH", packages)
    return path


def call(command: Sequence[str | Path], what: str, folder: Path | None = None) -> str:
    """What `command` prints, run in `folder`.

    Raises:
        BuildError: it failed; `what` says where, and its first words on stderr why.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tool = Path(command[0]).name
        said = done.stderr.splitlines()
        reasons = [line for line in said if "error" in line.lower() or "undefined" in line]
        found = "; ".join((reasons or said)[:3]) or f"status {done.returncode}"
        raise BuildError(what, f"expected {tool} to succeed, found: {found}")
    return done.stdout


def _gcc(target: McuTarget) -> str:
    return f"{target.toolchain.prefix}-gcc"


def _c_libraries(target: McuTarget) -> tuple[str, ...]:
    """Those of the toolchain's packages that are its C library; some cores do without."""
    return tuple(name for name in target.toolchain.packages if name.startswith("lib"))


@cache
def _has_c_library(compiler: str) -> bool:
    # gcc answers with the bare name where it finds no such file.
    return Path(call([compiler, "-print-file-name=libc.a"], compiler).strip()).is_absolute()


def _missing(where: str, what: str, packages: Sequence[str]) -> ToolchainError:
    return ToolchainError(
        where, f"expected {what}, found none", f"install it: apt-get install {' '.join(packages)}"
    )
