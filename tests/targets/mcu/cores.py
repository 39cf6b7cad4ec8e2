"""Small C kernels on every core; tests skip, and say why, where tools are missing."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.toolchain import compiler, missing_packages

FLAGS = ("-O2", "-ffreestanding", "-ffunction-sections", "-fdata-sections")
CORES = ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")


def mcu(name: str) -> McuTarget:
    """The target, or a skipped test where its code cannot be built and run."""
    target = load_target(name)
    assert isinstance(target, McuTarget)
    missing = missing_packages(target)
    if missing:
        pytest.skip(f"{name}: needs {' '.join(missing)}")
    return target


def compile_c(target: McuTarget, source: str) -> bytes:
    """An object file of C text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.o"
        subprocess.run(
            [compiler(target), *target.toolchain.flags, *FLAGS, "-xc", "-c", "-"] + ["-o", path],
            input=source,
            text=True,
            check=True,
        )
        return path.read_bytes()
