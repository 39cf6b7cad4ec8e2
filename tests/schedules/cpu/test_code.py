"""The machine code of inner loops: vectors of the target's width, accumulators in registers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan, Schedule
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.schedules.cpu.conv2d import Conv2d
from graphopt.schedules.cpu.integer_conv2d import IntegerConv2d
from graphopt.targets import CpuTarget, load_cpu
from tests.schedules.cpu.integer_regions import conv


def innermost_loops(listing: str) -> list[list[str]]:
    """The instructions of each loop that holds no other jump, from objdump's listing."""
    lines = re.findall(r"^\s+([0-9a-f]+):\t(.*)$", listing, re.MULTILINE)
    position = {address: i for i, (address, _) in enumerate(lines)}
    loops: list[list[str]] = []
    for i, (_, text) in enumerate(lines):
        jump = re.match(r"j\w+\s+([0-9a-f]+)", text)
        first = position.get(jump.group(1), i + 1) if jump else i + 1
        body = [line for _, line in lines[first:i]]
        if first <= i and not any(line.startswith("j") for line in body):
            loops.append(body)
    return loops


def loops_of(
    region: Region, schedule: Schedule[CpuTarget], target: CpuTarget, folder: Path
) -> list[list[str]]:
    """The innermost loops of a region's kernel."""
    plan = schedule.plan(region.graph, target, region.constants)
    assert isinstance(plan, KernelPlan)
    code = folder / "kernel.o"
    code.write_bytes(compile_kernel(plan.build(), "kernel", target))
    command = ["objdump", "-d", "--no-show-raw-insn", str(code)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return innermost_loops(listing)


def check_sums(loops: list[list[str]], instruction: str, register: str) -> None:
    """Loops with this instruction keep their sums in registers, of which they use many."""
    sums = [loop for loop in loops if any(instruction in line for line in loop)]
    assert sums
    for loop in sums:
        stores = [line for line in loop if re.search(rf"mov\w+\s+%{register}\d+,.*rsp", line)]
        assert len(stores) <= 2, loop
        assert sum(f"%{register}" in line for line in loop if instruction in line) >= 8


needs_objdump = pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump here")


@needs_objdump
@pytest.mark.parametrize(("name", "register"), [("x86-64-avx2", "ymm"), ("x86-64-avx512", "zmm")])
@pytest.mark.parametrize("kernel", [1, 3])
def test_sums_stay_in_registers(name: str, register: str, kernel: int, tmp_path: Path) -> None:
    build = RegionBuilder()
    x, w = build.input(1, 14, 14, 64), build.constant(128, 64, kernel, kernel)
    op = ops.Conv((1, 1), (kernel // 2,) * 4, (1, 1), 1, "NHWC")
    region = build.region(build.apply(op, x, w, build.constant(128)))
    check_sums(loops_of(region, Conv2d(), load_cpu(name), tmp_path), "vfmadd", register)


@needs_objdump
@pytest.mark.parametrize(
    ("name", "instruction", "register"),
    [
        ("x86-64-avx2", "vpmaddwd", "ymm"),
        ("x86-64-avx512", "vpmaddwd", "zmm"),
        ("x86-64-avx512-vnni", "vpdpbusd", "zmm"),
    ],
)
@pytest.mark.parametrize("kernel", [1, 3])
def test_integer_sums_stay_in_registers(
    name: str, instruction: str, register: str, kernel: int, tmp_path: Path
) -> None:
    signed = (DType.I8, DType.I8)
    region = conv((1, 14, 14, 64), 128, (kernel, kernel), pads=(kernel // 2,) * 4, types=signed)
    loops = loops_of(region, IntegerConv2d(), load_cpu(name), tmp_path)
    check_sums(loops, instruction, register)
