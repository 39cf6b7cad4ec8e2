"""Folders of firmware: what compilers, linkers and CMake say to them, and what they then do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from graphopt.api import compile
from graphopt.errors import OptionError
from graphopt.ir import Quant
from graphopt.runtime.firmware import Firmware
from graphopt.runtime.firmware_artifact import load_firmware_artifact
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.toolchain import compiler, missing_packages
from graphopt.targets.target import Form
from graphopt.text import parse_graph
from tests.lower.mcu.host import STRICT, host_compiler

CORES = ("cortex-m0plus", "cortex-m7", "cortex-m55", "rv32imc")
ADD = """
graph g(%x: f32[4]) {
  %c: f32[4] = constant([1.0, -2.5, 3.0, inf])
  %0: f32[4] = add(%x, %c)
  return %0, %x, %c
}"""
LONG = "a_name/of;many*/parts??/" * 8
SEVERAL = f"""
graph g(%"{LONG}": i8[1,4], %b: i8[1,4], %d: u8[2], %e: bool[3]) {{
  %0: i8[1,4] = add(%"{LONG}", %b)
  %1: u8[2] = add(%d, %d)
  %2: bool[3] = not(%e)
  return %0, %1, %2
}}"""
QUANTIZED = """
graph g(%x: i8[1,4]) {
  %s: f32[] = constant(0.5)
  %z: i8[] = constant(-3)
  %t: f32[] = constant(0.25)
  %y: i8[] = constant(7)
  %0: f32[1,4] = dequantize(%x, %s, %z)
  %1: f32[1,4] = relu(%0)
  %2: i8[1,4] = quantize(%1, %t, %y)
  return %2
}"""


def tools(name: str) -> McuTarget:
    """The target, or a skipped test where its code cannot be built."""
    found = load_target(name)
    assert isinstance(found, McuTarget)
    missing = missing_packages(found)
    if missing:
        pytest.skip(f"{name}: needs {' '.join(missing)}")
    return found


def firmware(text: str, core: str, name: str = "model", form: Form = "library") -> Firmware:
    compiled = compile(parse_graph(text), core, name=name, form=form)
    assert isinstance(compiled, Firmware)
    return compiled


def link(target: McuTarget, folder: Path, *files: str) -> None:
    """Compile strictly, and link what can be linked without a C library."""
    flags = [*target.toolchain.flags, *STRICT, "-O2", "-ffreestanding", "-nostdlib", "-r"]
    subprocess.run([compiler(target), *flags, *files, "-o", "all.o"], cwd=folder, check=True)


@pytest.mark.parametrize("text", [ADD, SEVERAL], ids=["one", "several"])
@pytest.mark.parametrize("core", CORES)
def test_strict_compilers_take_the_folder(core: str, text: str, tmp_path: Path) -> None:
    target = tools(core)
    firmware(text, core).save(tmp_path / "out")
    link(target, tmp_path / "out", "model.c", "main.c", "libmodel.a")
    texts = (path.read_text() for path in (tmp_path / "out").glob("*.[ch]"))
    assert max(len(line) for text in texts for line in text.splitlines()) <= 100


@pytest.mark.parametrize("name", ["g++", "clang++"])
def test_cplusplus_takes_the_header(name: str, tmp_path: Path) -> None:
    firmware(SEVERAL, "cortex-m7").save(tmp_path)
    program = '#include "model.h"\nint f(void) { return MODEL_ARENA_BYTES; }\n'
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", str(tmp_path)]
    command = [host_compiler(name), *flags, "-fsyntax-only", "-x", "c++", "-"]
    subprocess.run(command, input=program, text=True, check=True)


@pytest.mark.parametrize("form", ["library", "source"])
def test_two_models_link_into_one_program(form: Form, tmp_path: Path) -> None:
    target = tools("cortex-m7")
    for name in ("left", "right"):
        firmware(ADD, "cortex-m7", name, form).save(tmp_path / name)
    files = [str(path) for path in tmp_path.glob("*/*.[cSa]") if path.name != "main.c"]
    link(target, tmp_path, *files)


def test_mistaken_arguments_are_told_apart(tmp_path: Path) -> None:
    firmware(ADD, "cortex-m7", form="source").save(tmp_path)
    program = """
        #include "model.h"
        static float a[5], b[5], c[5], d[5];
        int main(void) {
            if (model_run(a, b, c, d, 0) != 0) return 1;
            if (model_run(a, b, 0, d, 0) != MODEL_ERROR_NULL) return 2;
            if (model_run((float *)((char *)a + 2), b, c, d, 0) != MODEL_ERROR_ALIGNMENT) return 3;
            return b[1] == -2.5f && d[2] == 3.0f ? 0 : 4;
        }"""
    (tmp_path / "try.c").write_text(program)
    sources = ["model.c", "model_kernels.c", "model_move_rows.c", "try.c", "-o", "try"]
    subprocess.run([host_compiler("gcc"), *STRICT, *sources], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "try"], check=False).returncode == 0


@pytest.mark.parametrize("how", ["add_subdirectory(out)", "find_package(model CONFIG REQUIRED)"])
def test_cmake_projects_use_the_folder(how: str, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    firmware(ADD, "cortex-m7", form="source").save(tmp_path / "out")
    project = ["cmake_minimum_required(VERSION 3.13)", "project(try C)", how]
    project += ["add_executable(try out/main.c)", "target_link_libraries(try model)"]
    (tmp_path / "CMakeLists.txt").write_text("\n".join(project))
    found = f"-Dmodel_DIR={tmp_path / 'out'}"
    subprocess.run(["cmake", "-S", ".", "-B", "build", found], cwd=tmp_path, check=True)
    subprocess.run(["cmake", "--build", "build"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "build" / "try"], check=False).returncode == 0


def test_header_and_manifest_say_what_integers_stand_for() -> None:
    built = firmware(QUANTIZED, "cortex-m7")
    (given,), (result,) = built.manifest.inputs, built.manifest.outputs
    assert given.quant == Quant((0.5,), (-3,)) and result.quant == Quant((0.25,), (7,))
    header = built.artifact.files["model.h"].decode()
    for line in ("INPUT_SCALE 0.5f", "INPUT_ZERO_POINT (-3)", "OUTPUT_ZERO_POINT 7"):
        assert f"#define MODEL_{line}\n" in header


def test_folder_reads_back_as_it_was(tmp_path: Path) -> None:
    built = firmware(QUANTIZED, "cortex-m7", "quantized")
    built.save(tmp_path / "out")
    assert load_firmware_artifact(tmp_path / "out") == built.artifact
    assert {"quantized.h", "quantized.c", "libquantized.a"} == set(built.artifact.files)


def test_same_model_gives_the_same_bytes() -> None:
    first, second = (firmware(QUANTIZED, "cortex-m7").artifact.files for _ in range(2))
    assert first == second


@pytest.mark.parametrize("form", ["library", "source"])
@pytest.mark.parametrize("core", CORES)
def test_both_forms_compute_on_the_emulator(core: str, form: Form) -> None:
    tools(core)
    x = np.array([[-128, -3, 5, 127]], np.int8)
    (found,) = firmware(QUANTIZED, core, form=form).run({"x": x}).values()
    np.testing.assert_array_equal(found, [[7, 7, 23, 127]])


@pytest.mark.parametrize("name", ["1st", "two words", "__model", ""])
def test_names_that_c_refuses(name: str) -> None:
    with pytest.raises(OptionError, match="name: expected letters, digits and single _"):
        firmware(ADD, "cortex-m7", name)


def test_c_for_a_cpu_is_refused() -> None:
    with pytest.raises(OptionError, match="form: expected library"):
        compile(parse_graph(ADD), "cpu", form="source")
