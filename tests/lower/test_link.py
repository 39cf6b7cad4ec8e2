"""The linker's libraries load, and call each other, the C library and back."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import pytest

from graphopt.errors import ArtifactError, BuildError
from graphopt.lower.link import link
from graphopt.runtime.library import Library
from graphopt.targets import load_target

Compile = Callable[[str, str], bytes]


@pytest.fixture(scope="module")
def calling() -> Compile:
    """Compiles a function that stores what an external function makes of a float in place."""
    from tvm import tirx

    from graphopt.lower.codegen import compile_kernel

    def compile_one(symbol: str, external: str) -> bytes:
        x = tirx.decl_buffer((1,), "float32", name="x")
        zero = tirx.IntImm("int32", 0)
        body = tirx.BufferStore(x, tirx.call_extern("float32", external, x[zero]), [zero])
        return compile_kernel(tirx.PrimFunc([x], body), symbol, load_target("x86-64-avx2"))

    return compile_one


def applied(library: Library, symbol: str, value: float) -> float:
    memory = (ctypes.c_float * 1)(value)
    assert library.function(symbol)(ctypes.c_void_p(ctypes.addressof(memory))) == 0
    return memory[0]


def test_calls_the_c_library(calling: Compile) -> None:
    library = Library(link([calling("cosine", "cosf"), calling("sine", "sinf")]), threads=1)
    assert applied(library, "cosine", 0.5) == pytest.approx(math.cos(0.5), rel=1e-6)
    assert applied(library, "sine", 0.5) == pytest.approx(math.sin(0.5), rel=1e-6)


def test_libraries_do_not_see_each_other(calling: Compile) -> None:
    first = Library(link([calling("f", "cosf")]), threads=1)
    second = Library(link([calling("f", "sinf")]), threads=1)
    assert applied(first, "f", 0.0) == 1.0
    assert applied(second, "f", 0.0) == 0.0


def test_symbol_defined_twice(calling: Compile) -> None:
    with pytest.raises(BuildError, match="symbol f: defined twice"):
        link([calling("f", "cosf"), calling("f", "sinf")])


def test_symbol_defined_nowhere(calling: Compile) -> None:
    with pytest.raises(ArtifactError, match="cannot be loaded.*no_such_function"):
        Library(link([calling("f", "no_such_function")]), threads=1)


def test_what_is_no_object_file() -> None:
    with pytest.raises(BuildError, match="expected an x86-64 object file"):
        link([b"not ELF"])
