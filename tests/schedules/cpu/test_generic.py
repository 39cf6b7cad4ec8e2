"""Regions of several operators through the generic schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.rewrite import Reject
from graphopt.runtime.model import Model
from graphopt.schedules.cpu.generic import Generic
from graphopt.targets import load_cpu
from graphopt.testing import assert_close, random_inputs
from graphopt.text import parse_graph

CHAIN = """
graph g(%x: f32[2,3,4,5], %b: f32[3,1,1], %m: f32[2,1,1,1]) {
  %y: f32[2,3,4,5] = fused(%x, %b, %m) region chain(%x: f32[2,3,4,5], %b: f32[3,1,1], %m: f32[2,1,1,1]) {
    %c: f32[] = constant(0.5)
    %0: f32[2,3,4,5] = add(%x, %b)
    %1: f32[2,3,4,5] = tanh(%0)
    %2: f32[2,3,4,5] = mul(%1, %m)
    %3: f32[2,3,4,5] = add(%2, %1)
    %4: f32[2,3,4,5] = mul(%3, %c)
    return %4
  }
  return %y
}"""  # noqa: E501
TWO_OUTPUTS = """
graph g(%x: f32[6,20]) {
  %s: f32[6,1], %y: f32[6,20] = fused(%x) region two(%x: f32[6,20]) {
    %s: f32[6,1] = reduce(%x) {kind = 'max', axes = (1,), keepdims = True}
    %0: f32[6,20] = sub(%x, %s)
    %y: f32[6,20] = exp(%0)
    return %s, %y
  }
  return %s, %y
}"""
EPILOGUE = """
graph g(%x: f32[1,9,9,4], %w: f32[20,4,3,3], %r: f32[1,9,9,20]) {
  %y: f32[1,9,9,20] = fused(%x, %w, %r) region conv(%x: f32[1,9,9,4], %w: f32[20,4,3,3], %r: f32[1,9,9,20]) {
    %0: f32[1,9,9,20] = conv(%x, %w) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC'}
    %1: f32[1,9,9,20] = sigmoid(%0)
    %2: f32[1,9,9,20] = mul(%0, %1)
    %3: f32[1,9,9,20] = add(%2, %r)
    return %3
  }
  return %y
}"""  # noqa: E501
CONCAT = """
graph g(%x: f32[3,17], %z: f32[3,5]) {
  %y: f32[3,22] = fused(%x, %z) region join(%x: f32[3,17], %z: f32[3,5]) {
    %0: f32[3,17] = relu(%x)
    %1: f32[3,22] = concat(%0, %z) {axis = 1}
    %2: f32[3,22] = neg(%1)
    return %2
  }
  return %y
}"""


def compiled(text: str, cache: Path) -> tuple[Graph, Model]:
    graph = parse_graph(text)
    program = lower_program(graph, load_cpu("cpu"), [Generic()])
    return graph, Model(package(program, build(program, CodeCache(cache))))


@pytest.mark.parametrize("text", [CHAIN, TWO_OUTPUTS, EPILOGUE, CONCAT])
def test_region_means_what_its_body_means(text: str, tmp_path: Path) -> None:
    graph, model = compiled(text, tmp_path)
    inputs = random_inputs(graph)
    expected, found = evaluate(graph, inputs), model.run(inputs)
    for name, want in expected.items():
        assert_close(found[name], want, name)


def test_types_the_cpu_does_not_compute_in_are_rejected() -> None:
    graph = parse_graph("graph g(%x: f8e5m2[4]) { %y: f8e5m2[4] = neg(%x) return %y }")
    plan = Generic().plan(graph, load_cpu("cpu"), frozenset())
    assert isinstance(plan, Reject)
    assert "f8e5m2" in plan.reason
