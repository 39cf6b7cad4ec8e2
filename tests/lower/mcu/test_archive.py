"""Archives and object files, as the tools of the host and of the cores read them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tvm import tirx
from tvm.tirx import PrimFunc

from graphopt.errors import BuildError
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.mcu.archive import archive
from graphopt.lower.mcu.elf import read_object, write_object
from graphopt.lower.mcu.strip import strip
from graphopt.targets import load_target

CORES = ("cortex-m7", "rv32imc")
LONG = "a_function_whose_name_fits_no_header"


def calls(symbol: str, core: str) -> bytes:
    """An object file with a function that calls `helper` and needs a conversion of f16."""
    buffer = tirx.decl_buffer((2,), "float16", name="b")
    helped = tirx.call_extern("int32", "helper", tirx.address_of(buffer[0]))
    one = tirx.IntImm("int32", 1)
    doubled = tirx.BufferStore(buffer, buffer[one] + buffer[one], [one])
    body = tirx.SeqStmt([tirx.Evaluate(helped), doubled])
    return compile_kernel(PrimFunc([buffer], body), symbol, load_target(core))


def nothing(symbol: str, core: str) -> bytes:
    """An object file with a function that does nothing."""
    buffer = tirx.decl_buffer((1,), "int32", name="b")
    zero = tirx.IntImm("int32", 0)
    store = tirx.BufferStore(buffer, zero, [zero])
    return compile_kernel(PrimFunc([buffer], store), symbol, load_target(core))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("make", [calls, nothing])
def test_written_object_is_what_was_read(core: str, make: Callable[[str, str], bytes]) -> None:
    file = read_object(make("kernel", core))
    again = read_object(write_object(file))
    assert again.header[:32] == file.header[:32] and again.header[36:48] == file.header[36:48]
    assert [s.name for s in again.sections] == [s.name for s in file.sections]
    assert [s.content for s in again.sections] == [s.content for s in file.sections]
    for before, after in zip(file.sections, again.sections, strict=True):
        found = [(r.offset, r.kind, r.symbol.name, r.addend) for r in after.relocations]
        assert found == [(r.offset, r.kind, r.symbol.name, r.addend) for r in before.relocations]
    assert sorted(again.defined()) == sorted(file.defined())


def test_conversions_stay_only_where_they_are_called() -> None:
    used = strip(read_object(calls("kernel", "rv32imc")), "kernel")
    unused = strip(read_object(nothing("kernel", "rv32imc")), "kernel")
    assert used.defined() == unused.defined() == ("kernel",)
    assert "__extendhfsf2" in {symbol.name for symbol in used.symbols}
    assert "__extendhfsf2" not in {symbol.name for symbol in unused.symbols}
    assert unused.loaded_bytes < 32 < used.loaded_bytes
    assert not any("debug" in section.name for section in used.sections)


@pytest.mark.parametrize("tool", ["ar", "arm-none-eabi-ar"])
def test_tools_list_the_members(tool: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    members = {"odd.o": b"123", f"{LONG}.o": b"4567", f"{LONG}2.o": b""}
    path = tmp_path / "lib.a"
    path.write_bytes(archive(members, {"odd.o": ["f", "g"], f"{LONG}.o": ["h"], f"{LONG}2.o": []}))
    listed = subprocess.run([tool, "t", path], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == list(members)
    for name, content in members.items():
        shown = subprocess.run([tool, "p", path, name], capture_output=True, check=True)
        assert shown.stdout == content


def test_linker_finds_functions_by_the_index(tmp_path: Path) -> None:
    linker = shutil.which("arm-none-eabi-ld")
    if linker is None:
        pytest.skip("needs arm-none-eabi-ld (binutils-arm-none-eabi)")
    members = {
        name: write_object(strip(read_object(nothing(name, "cortex-m7")), name))
        for name in ("first", "second")
    }
    library = archive({f"{n}.o": c for n, c in members.items()}, {f"{n}.o": [n] for n in members})
    (tmp_path / "lib.a").write_bytes(library)
    command = [linker, "--undefined=second", "lib.a", "-r", "-o", "out.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    linked = read_object((tmp_path / "out.o").read_bytes())
    assert linked.defined() == ("second",)


def test_other_files_are_refused() -> None:
    with pytest.raises(BuildError, match="expected an object file of 32 bits"):
        read_object(b"\x7fELF\x02\x01" + bytes(60))
