"""A missing program is an error of one line that names its Debian package."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from graphopt.errors import BuildError, ToolchainError
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu import toolchain
from tests.targets.mcu.cores import CORES, mcu


@pytest.fixture
def target() -> McuTarget:
    found = load_target("cortex-m7")
    assert isinstance(found, McuTarget)
    return found


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str, prints: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {prints}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_everything_missing(programs: Path, target: McuTarget) -> None:
    assert toolchain.missing_packages(target) == (
        "gcc",
        "gcc-arm-none-eabi",
        "libnewlib-arm-none-eabi",
        "qemu-system-arm",
    )
    with pytest.raises(ToolchainError) as caught:
        toolchain.compiler(target)
    assert str(caught.value).splitlines() == [
        "arm-none-eabi-gcc: expected this program on the PATH, found none",
        "install it: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ]
    assert target.emulator is not None
    with pytest.raises(ToolchainError, match="apt-get install qemu-system-arm"):
        toolchain.emulator(target.emulator)
    with pytest.raises(ToolchainError, match="apt-get install gcc$"):
        toolchain.host_compiler()


def test_a_compiler_without_its_library(programs: Path, target: McuTarget) -> None:
    for name in ("gcc", "qemu-system-arm"):
        install(programs, name)
    install(programs, "arm-none-eabi-gcc", prints="libc.a")
    assert toolchain.missing_packages(target) == ("libnewlib-arm-none-eabi",)
    with pytest.raises(ToolchainError, match="apt-get install libnewlib-arm-none-eabi"):
        toolchain.compiler(target)


def test_nothing_missing(programs: Path, target: McuTarget) -> None:
    for name in ("gcc", "qemu-system-arm"):
        install(programs, name)
    install(programs, "arm-none-eabi-gcc", prints="/usr/lib/libc.a")
    assert toolchain.missing_packages(target) == ()
    assert toolchain.compiler(target) == str(programs / "arm-none-eabi-gcc")


def test_a_core_that_is_not_emulated_needs_no_emulator(programs: Path, target: McuTarget) -> None:
    assert "qemu-system-arm" not in toolchain.missing_packages(replace(target, emulator=None))


def test_a_failed_program_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.c"
    path.write_text("int f(void) { return nothing; }\n")
    gcc = toolchain.compiler(mcu("cortex-m7"))
    with pytest.raises(BuildError, match="the model: expected .*gcc to succeed, found: .*nothing"):
        toolchain.call([gcc, "-c", path, "-o", tmp_path / "broken.o"], "the model")


@pytest.mark.parametrize("name", CORES)
def test_here(name: str) -> None:
    assert toolchain.missing_packages(mcu(name)) == ()
