"""Channels last: where transposes appear, and that they cancel between convolutions."""

import pytest

from graphopt.instruments import Instruments
from graphopt.ir import Graph
from graphopt.ops import Transpose
from graphopt.passes.assign_layout import AssignLayout
from graphopt.pipeline import SINK, run_passes
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph
from graphopt.verify import verify

CONV = "{strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}"
POOL = "{kernel = (2, 2), strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1)}"


def transposes(text: str) -> int:
    """How many transposes are left after layout assignment and sinking; checks the meaning."""
    graph = parse_graph(text)
    assigned = AssignLayout().run(graph)
    verify(assigned)
    check_same_meaning(graph, assigned)
    result = assigned
    for _ in range(4):
        result = run_passes(result, (*SINK, "eliminate-dead-code"), Instruments())
    verify(result)
    check_same_meaning(graph, result)
    return count(result)


def count(graph: Graph) -> int:
    return sum(isinstance(node.op, Transpose) for node in graph.nodes)


def test_a_convolution_stands_between_transposes() -> None:
    last = "{strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC'}"
    check_pass(
        AssignLayout(),
        before=f"""
        graph g(%x: f32[1,2,5,6], %w: f32[4,2,3,3]) {{
          %y: f32[1,4,5,6] = conv(%x, %w) {CONV}
          return %y
        }}""",
        after=f"""
        graph g(%x: f32[1,2,5,6], %w: f32[4,2,3,3]) {{
          %y.layout0: f32[1,5,6,2] = transpose(%x) {{perm = (0, 2, 3, 1)}}
          %y.layout1: f32[1,5,6,4] = conv(%y.layout0, %w) {last}
          %y: f32[1,4,5,6] = transpose(%y.layout1) {{perm = (0, 3, 1, 2)}}
          return %y
        }}""",
    )


def test_a_graph_without_convolutions_keeps_its_layout() -> None:
    check_pass(
        AssignLayout(),
        before=f"""
        graph g(%x: f32[1,2,4,6]) {{
          %0: f32[1,2,2,3] = max_pool(%x) {POOL}
          %1: f32[1,2,2,3] = relu(%0)
          return %1
        }}""",
    )


def test_a_pool_apart_from_the_convolutions_keeps_its_layout() -> None:
    graph = AssignLayout().run(
        parse_graph(f"""
        graph g(%x: f32[1,2,4,6], %z: f32[1,2,4,6], %w: f32[2,2,3,3]) {{
          %0: f32[1,2,2,3] = max_pool(%z) {POOL}
          %1: f32[1,2,4,6] = conv(%x, %w) {CONV}
          return %0, %1
        }}""")
    )
    assert count(graph) == 2


def test_a_convolution_over_one_dimension_is_left_to_its_lifting() -> None:
    check_pass(
        AssignLayout(),
        before="""
        graph g(%x: f32[1,2,5], %w: f32[4,2,3]) {
          %y: f32[1,4,3] = conv(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %y
        }""",
    )


def test_only_the_borders_of_a_residual_network_are_transposed() -> None:
    text = f"""
        graph g(%x: f32[1,2,4,6], %w: f32[2,2,3,3], %v: f32[2,2,3,3]) {{
          %b: f32[2,1,1] = constant([[[1.0]], [[2.0]]])
          %0: f32[1,2,4,6] = conv(%x, %w) {CONV}
          %1: f32[1,2,4,6] = add(%0, %b)
          %2: f32[1,2,4,6] = relu(%1)
          %3: f32[1,2,4,6] = conv(%2, %v) {CONV}
          %4: f32[1,2,4,6] = add(%2, %3)
          %5: f32[1,4,4,6] = concat(%4, %3) {{axis = 1}}
          %6: f32[1,4,2,3] = max_pool(%5) {POOL}
          return %6
        }}"""
    assert transposes(text) == 2


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_follows_its_convolution(mode: str) -> None:
    text = f"""
        graph g(%x: f32[1,2,4,6], %w: f32[8,2,3,3]) {{
          %0: f32[1,8,4,6] = conv(%x, %w) {CONV}
          %1: f32[1,2,8,12] = depth_to_space(%0) {{block = 2, mode = '{mode}'}}
          return %1
        }}"""
    assert transposes(text) == 2


def test_a_resize_follows_its_convolution() -> None:
    attributes = "{shape = (1, 2, 8, 12), scales = (1.0, 1.0, 2.0, 2.0), mode = 'linear'}"
    text = f"""
        graph g(%x: f32[1,2,4,6], %w: f32[2,2,3,3]) {{
          %0: f32[1,2,4,6] = conv(%x, %w) {CONV}
          %1: f32[1,2,8,12] = resize(%0) {attributes}
          %2: f32[1,2,8,12] = conv(%1, %w) {CONV}
          return %2
        }}"""
    assert transposes(text) == 2
