"""Folders of firmware: what C compilers say to them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from graphopt.api import compile
from graphopt.errors import OptionError
from graphopt.runtime.firmware import Firmware
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.toolchain import compiler, missing_packages
from graphopt.text import parse_graph

STRICT = ("-std=c99", "-ffreestanding", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
ADD = """
graph g(%x: f32[4]) {
  %c: f32[4] = constant([1.0, -2.5, 3.0, inf])
  %0: f32[4] = add(%x, %c)
  return %0, %x, %c
}"""


def target(name: str) -> McuTarget:
    """The target, or a skipped test where its code cannot be built."""
    found = load_target(name)
    assert isinstance(found, McuTarget)
    missing = missing_packages(found)
    if missing:
        pytest.skip(f"{name}: needs {' '.join(missing)}")
    return found


def firmware(text: str, core: str, name: str = "model") -> Firmware:
    compiled = compile(parse_graph(text), core, name=name)
    assert isinstance(compiled, Firmware)
    return compiled


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m7", "rv32imc"])
def test_strict_compiler_takes_the_folder(core: str, tmp_path: Path) -> None:
    tools = target(core)
    firmware(ADD, core).save(tmp_path / "out")
    command = [compiler(tools), *tools.toolchain.flags, *STRICT, "-nostdlib", "-r"]
    files = ["model.c", "main.c", "libmodel.a", "-o", "all.o"]
    subprocess.run([*command, *files], cwd=tmp_path / "out", check=True)


def test_name_that_c_refuses() -> None:
    with pytest.raises(OptionError, match="found '1st'"):
        firmware(ADD, "cortex-m7", "1st")
