"""Operators without a kernel: one error that names all of them."""

import pytest

from graphopt.api import compile
from graphopt.errors import UnsupportedOperator
from graphopt.text import parse_graph

GRAPH = """
graph net(%x: f32[2,8], %y: f64[2,8]) {
  %0: f32[2,8] = relu(%x) @ ["block/relu"]
  %1: f32[2,8] = sin(%0) @ ["block/wave"]
  %2: f32[2] = reduce(%1) {kind = 'sum', axes = (1,)} @ ["block/sum"]
  %3: f64[2,8] = exp(%y) @ ["head/exp"]
  %4: f32[2,8] = pow(%x, %0) @ ["head/power;head/Mul;head/x"]
  return %2, %3, %4
}"""


def test_all_operators_without_a_kernel_are_named() -> None:
    with pytest.raises(UnsupportedOperator) as caught:
        compile(parse_graph(GRAPH), "cortex-m7", stop_after="lowered")
    where, *lines, advice = str(caught.value).splitlines()
    assert where == (
        "net: operators: expected a kernel on cortex-m7 for each, found none for 3 of 4 kernels"
    )
    assert len(lines) == 3
    for name, reason in {
        "block/wave": "sin needs the C mathematics library",
        "head/exp": "exp of f64 needs the C mathematics library",
        "head/power": "pow of f32 needs the C mathematics library",
    }.items():
        assert any(name in line and reason in line for line in lines), name
    assert "replace these operators" in advice
    assert "head/Mul" not in str(caught.value)


def test_a_cpu_runs_them() -> None:
    program = compile(parse_graph(GRAPH), stop_after="lowered")
    assert program.calls
