"""Local variables that nothing reads are gone, and with them what was set for them alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
import tvm_ffi
from tvm import tirx

from graphopt.ir import Value
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.mcu.csource import kernel_source
from graphopt.lower.mcu.source import SUPPORT
from graphopt.lower.mcu.unread import without_unread
from graphopt.schedules.emit import T, kernel, load, loop, named
from graphopt.targets import McuTarget, load_target
from graphopt.text import parse_graph
from tests.lower.mcu.host import STRICT, host_compiler

REGION = parse_graph("graph g(%x: i32[4]) {\n  %0: i32[4] = neg(%x)\n  return %0\n}")
Body = Callable[[Any, Any], None]


def unread_chain(x: Any, y: Any) -> None:
    first = named(x[0] + x[1])
    named(named(first * 3) + first)


def unread_in_a_branch(x: Any, y: Any) -> None:
    scale = named(x[1] * 5)
    with T.If(x[0] == 7), T.Then():
        named(scale + x[2])


def unread_in_a_loop(x: Any, y: Any) -> None:
    with loop(x[3]) as i:
        named(x[i] + 1)


def read_as_an_index(x: Any, y: Any) -> None:
    T.buffer_store(y, x[0], [named(x[1])])


def read_by_its_address(x: Any, y: Any) -> None:
    there = T.alloc_buffer((1,), "int32", scope="local")
    T.buffer_store(there, x[0], [0])
    T.evaluate(tirx.call_extern("int32", "graphopt_copy_rows", T.address_of(there[0])))


def call_with_effects(x: Any, y: Any) -> None:
    named(tirx.call_extern("int32", "graphopt_copy_rows", T.address_of(x[0])))


def built(body: Body) -> KernelPlan:
    def emit(buffers: Mapping[Value, Any], scratch: Any) -> None:
        x, y = (buffers[value] for value in (*REGION.inputs, *REGION.outputs))
        body(x, y)
        T.buffer_store(y, load(x, 0, 1), [0])

    return KernelPlan("test", REGION, lambda: kernel(REGION, emit), routines=("copy_rows",))


@pytest.mark.parametrize(
    ("body", "variables"),
    [
        (unread_chain, 0),
        (unread_in_a_branch, 0),
        (unread_in_a_loop, 0),
        (read_as_an_index, 1),
        (read_by_its_address, 1),
        (call_with_effects, 1),
    ],
)
def test_only_what_is_read_stays(body: Body, variables: int) -> None:
    found: list[Any] = []
    function = without_unread(built(body).build())
    tvm_ffi.structural_walk(function, (tirx.AllocBuffer, found.append))
    assert len(found) == variables


@pytest.mark.parametrize("body", [unread_chain, unread_in_a_branch, unread_in_a_loop])
def test_compilers_have_no_warning(body: Body, tmp_path: Path) -> None:
    target = load_target("cortex-m7")
    assert isinstance(target, McuTarget)
    source = kernel_source(built(body), "kernel", target)
    file = tmp_path / "kernel.c"
    file.write_text(f'#include "{SUPPORT}"\n{source.text}\n')
    with as_file(files("graphopt.targets.mcu").joinpath("output")) as folder:
        command: list[str | Path] = [host_compiler("gcc"), *STRICT, "-fsyntax-only"]
        subprocess.run([*command, "-I", folder, file], check=True)
