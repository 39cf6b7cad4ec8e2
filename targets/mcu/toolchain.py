"""The programs that build and run code for a microcontroller: found, named when missing, called."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from graphopt.errors import BuildError, ToolchainError
from graphopt.targets.target import McuTarget

HOST_COMPILER, _HOST_PACKAGE = "gcc", "gcc"


def missing_packages(target: McuTarget) -> tuple[str, ...]:
    """The Debian packages without which code for `target` is not built and run here."""
    return tuple(
        package
        for program, packages in _programs(target).items()
        if shutil.which(program) is None
        for package in packages
    )


def compiler(target: McuTarget) -> str:
    """The path of the C compiler of `target`. Raises as `find`."""
    return find(f"{target.toolchain.prefix}-gcc", target.toolchain.packages)


def emulator(target: McuTarget) -> str:
    """The path of the emulator of `target`.

    Raises:
        ToolchainError: as `find`, or no emulator is known for the target.
    """
    if target.emulator is None:
        raise ToolchainError(
            f"target {target.name}",
            "expected an emulator to run its code, found none in its description",
        )
    return find(f"qemu-system-{target.emulator.system}", (target.emulator.package,))


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
        raise ToolchainError(
            program,
            "expected this program on the PATH, found none",
            f"install it: apt-get install {' '.join(packages)}",
        )
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


def _programs(target: McuTarget) -> dict[str, tuple[str, ...]]:
    programs = {
        HOST_COMPILER: (_HOST_PACKAGE,),
        f"{target.toolchain.prefix}-gcc": target.toolchain.packages,
    }
    if target.emulator is not None:
        programs[f"qemu-system-{target.emulator.system}"] = (target.emulator.package,)
    return programs
