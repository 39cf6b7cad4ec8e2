"""A fused graph becomes machine code that computes what the interpreter says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt.errors import UnsupportedOperator
from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.kernel import Schedule
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.runtime.model import Model
from graphopt.targets import Target, load_target
from graphopt.testing import random_inputs
from graphopt.text import parse_graph

ADD = "region add(%a: f32[6], %b: f32[6]) { %s: f32[6] = add(%a, %b) return %s }"
RESHAPE = "region flat(%a: f32[6]) { %r: f32[2,3] = reshape(%a) {shape = (2, 3)} return %r }"

CHAIN = f"""
graph g(%x: f32[6], %y: f32[6]) {{
  %c: f32[6] = constant([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
  %0: f32[6] = fused(%x, %y) {ADD}
  %1: f32[6] = fused(%0, %c) {ADD}
  %2: f32[6] = fused(%1, %y) {ADD}
  %3: f32[2,3] = fused(%2) {RESHAPE}
  return %3 as sum
}}"""

OUTPUTS = f"""
graph g(%x: f32[6], %y: f32[6]) {{
  %c: f32[6] = constant([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
  %0: f32[6] = fused(%x, %y) {ADD}
  %1: f32[2,3] = fused(%0) {RESHAPE}
  %2: f32[2,3] = fused(%x) {RESHAPE}
  %3: f32[6] = fused(%0, %y) {ADD}
  return %0 as sum, %1 as shaped, %c as constant, %x as input, %2 as other, %0 as again, %3 as last
}}"""


def compiled(
    graph: Graph, schedule: Schedule[Target], cache: CodeCache, threads: int = 1
) -> tuple[Model, int]:
    program = lower_program(graph, load_target("cpu", threads), [schedule])
    built = build(program, cache)
    return Model(package(program, built)), built.compiled


@pytest.mark.parametrize("text", [CHAIN, OUTPUTS])
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_equals_interpreter(
    text: str, threads: int, sum_schedule: Schedule[Target], code_cache: CodeCache
) -> None:
    graph = parse_graph(text)
    model, _ = compiled(graph, sum_schedule, code_cache, threads)
    inputs = random_inputs(graph)
    found, expected = model.run(inputs), evaluate(graph, inputs)
    assert list(found) == list(expected)
    for name, want in expected.items():
        np.testing.assert_array_equal(found[name], want, err_msg=name)


def test_equal_regions_are_compiled_once(
    sum_schedule: Schedule[Target], code_cache: CodeCache
) -> None:
    graph = parse_graph(CHAIN)
    model, compiled_now = compiled(graph, sum_schedule, code_cache)
    assert compiled_now == 2  # with and without a packed constant
    assert len(model.manifest.calls) == 3
    _, compiled_again = compiled(graph, sum_schedule, code_cache)
    assert compiled_again == 0


def test_kernels_are_shared_between_programs(
    sum_schedule: Schedule[Target], code_cache: CodeCache
) -> None:
    compiled(parse_graph(CHAIN), sum_schedule, code_cache)
    _, compiled_now = compiled(parse_graph(OUTPUTS), sum_schedule, code_cache)
    assert compiled_now == 0


def test_threads_are_part_of_the_key(sum_schedule: Schedule[Target], code_cache: CodeCache) -> None:
    compiled(parse_graph(CHAIN), sum_schedule, code_cache, threads=1)
    _, compiled_now = compiled(parse_graph(CHAIN), sum_schedule, code_cache, threads=2)
    assert compiled_now == 2


def test_region_that_no_schedule_takes_is_named(sum_schedule: Schedule[Target]) -> None:
    graph = parse_graph(
        """
        graph g(%x: f32[6]) {
          %0: f32[6] = fused(%x) @ ["block/act"]
            region r(%a: f32[6]) { %s: f32[6] = relu(%a) return %s }
          return %0
        }"""
    )
    with pytest.raises(UnsupportedOperator, match="block/act.*no kernel for relu: sum: not one"):
        lower_program(graph, load_target("x86-64-avx2"), [sum_schedule])


def test_every_target_generates_code(sum_schedule: Schedule[Target], code_cache: CodeCache) -> None:
    for name in ("x86-64-avx2", "x86-64-avx512"):
        program = lower_program(parse_graph(CHAIN), load_target(name), [sum_schedule])
        assert build(program, code_cache).compiled == 2


def test_an_exchanged_constant_is_packed_again(
    sum_schedule: Schedule[Target], code_cache: CodeCache
) -> None:
    graph = parse_graph(CHAIN)
    (constant,) = graph.constants
    program = lower_program(graph, load_target("cpu"), [sum_schedule], exchangeable=[constant])
    model = Model(package(program, build(program, code_cache)))
    inputs = random_inputs(graph)
    changed = np.arange(6, dtype=np.float32)[::-1] * 10
    (place,) = program.places[constant]
    place.write(model.artifact.weights, changed)
    expected = evaluate(replace(graph, constants={constant: changed}), inputs)["sum"]
    np.testing.assert_array_equal(model.run(inputs)["sum"], expected)
