"""The machine code of inner loops: vectors of the target's width, accumulators in registers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from graphopt import ops
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.testing import RegionBuilder
from graphopt.schedules.cpu.conv2d import Conv2d
from graphopt.targets import load_target


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


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize(("name", "register"), [("x86-64-avx2", "ymm"), ("x86-64-avx512", "zmm")])
@pytest.mark.parametrize("kernel", [1, 3])
def test_sums_stay_in_registers(name: str, register: str, kernel: int, tmp_path: Path) -> None:
    target = load_target(name)
    build = RegionBuilder()
    x, w = build.input(1, 14, 14, 64), build.constant(128, 64, kernel, kernel)
    op = ops.Conv((1, 1), (kernel // 2,) * 4, (1, 1), 1, "NHWC")
    region = build.region(build.apply(op, x, w, build.constant(128)))
    plan = Conv2d().plan(region.graph, target, region.constants)
    assert isinstance(plan, KernelPlan)
    code = tmp_path / "kernel.o"
    code.write_bytes(compile_kernel(plan.build(), "kernel", target))
    command = ["objdump", "-d", "--no-show-raw-insn", str(code)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sums = [loop for loop in innermost_loops(listing) if any("vfmadd" in line for line in loop)]
    assert sums
    for loop in sums:
        stores = [line for line in loop if re.search(rf"mov\w+\s+%{register}\d+,.*rsp", line)]
        assert len(stores) <= 2, loop
        assert sum(f"%{register}" in line for line in loop if "vfmadd" in line) >= 8
