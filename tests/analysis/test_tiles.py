"""Tiles compute exactly what the whole computes there, from exactly what their inputs say."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.analysis.receptive_field import Span
from graphopt.analysis.tiles import tile
from graphopt.errors import TypeRuleError
from graphopt.interpreter import run_body
from graphopt.ir import Array, DType, Node, Value
from graphopt.ops import Fused, Requantize, Slice
from graphopt.text import parse_graph, print_graph
from graphopt.verify import verify

from .random_bodies import arrays_for, bodies


@st.composite
def rectangles(draw: st.DrawFn, value: Value) -> tuple[Span, Span]:
    spans = []
    for size in value.type.dims[1:3]:
        lo = draw(st.integers(0, size - 1))
        spans.append(Span(lo, draw(st.integers(lo + 1, size))))
    return spans[0], spans[1]


def cut(array: Array, part: tuple[Span, Span] | None) -> Array:
    if part is None:
        return array
    rows, columns = part
    return array[:, rows.lo : rows.hi, columns.lo : columns.hi]


def check_tile(node: Node, rows: Span, columns: Span) -> None:
    made = tile(node, rows, columns)
    verify(made.graph)
    assert print_graph(parse_graph(print_graph(made.graph), {})) == print_graph(made.graph)
    arrays = arrays_for(node)
    (whole,) = node.op.evaluate(*arrays)
    parts = [cut(array, part) for array, part in zip(arrays, made.inputs, strict=True)]
    (found,) = run_body(made.graph, *parts)
    np.testing.assert_array_equal(found, cut(whole, (rows, columns)))


# The mean of a window that lies in the padding is not a number.
@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_tiles_of_operators_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=1))
    check_tile(node, *data.draw(rectangles(node.output)))


@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_tiles_of_regions_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=4))
    check_tile(node, *data.draw(rectangles(node.output)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=4000, deadline=None)
@given(st.data())
def test_tiles_of_long_regions_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=6))
    check_tile(node, *data.draw(rectangles(node.output)))


CONV = """
graph conv_clip(%x0: i8[1,9,8,2], %x1: i8[3,2,3,3], %x2: i32[3]) {
  %v0: i32[1,5,8,3] = conv(%x0, %x1, %x2) {strides = (2, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC', pad_value = -4}
  %v1: i32[1,5,8,3] = clip(%v0) {low = 0, high = 127}
  return %v1
}"""  # noqa: E501


def region(text: str) -> Node:
    body = parse_graph(text)
    verify(body)
    inputs = tuple(Value(f"a{i}", value.type) for i, value in enumerate(body.inputs))
    outputs = tuple(Value(f"y{i}", value.type) for i, value in enumerate(body.outputs))
    return Node(Fused(body), inputs, outputs)


def test_a_tile_at_the_border_pads_where_the_map_ends_and_holds_its_halo_elsewhere() -> None:
    made = tile(region(CONV), Span(0, 2), Span(3, 8))
    assert made.inputs == ((Span(0, 4), Span(2, 8)), None, None)
    assert (
        print_graph(made.graph)
        == dedent(
            """
        graph conv_clip(%x0: i8[1,4,6,2], %x1: i8[3,2,3,3], %x2: i32[3]) {
          %v0: i32[1,2,5,3] = conv(%x0, %x1, %x2) {strides = (2, 1), pads = (1, 0, 0, 1), dilations = (1, 1), layout = 'NHWC', pad_value = -4}
          %v1: i32[1,2,5,3] = clip(%v0) {low = 0, high = 127}
          return %v1
        }"""  # noqa: E501
        ).strip()
    )


def test_tiles_of_equal_sizes_and_paddings_print_alike() -> None:
    node = region(CONV)
    inner = [tile(node, Span(1, 3), Span(c, c + 2)) for c in (1, 2, 5)]
    assert len({print_graph(each.graph) for each in inner}) == 1
    assert len({each.inputs for each in inner}) == 3


def test_the_tile_of_everything_is_the_body() -> None:
    node = region(CONV)
    assert print_graph(tile(node, Span(0, 5), Span(0, 8)).graph) == CONV.strip()


def test_two_readers_of_one_input_get_what_each_needs() -> None:
    node = region("""
    graph residual(%x0: i8[1,8,8,2], %x1: i8[2,2,3,3]) {
      %v0: i32[1,8,8,2] = conv(%x0, %x1) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC'}
      %v1: i32[1,8,8,2] = cast(%x0) {to = 'i32'}
      %v2: i32[1,8,8,2] = add(%v0, %v1)
      return %v2
    }""")  # noqa: E501
    made = tile(node, Span(0, 4), Span(2, 4))
    assert made.inputs[0] == (Span(0, 5), Span(1, 5))
    cuts = [inner.op for inner in made.graph.nodes if isinstance(inner.op, Slice)]
    assert cuts == [Slice((0, 0, 1, 0), (1, 4, 2, 2), (1, 1, 1, 1))]
    check_tile(node, Span(0, 4), Span(2, 4))


def test_a_region_of_two_outputs_has_one_tile_for_both() -> None:
    node = region("""
    graph largest(%x0: i8[1,5,4,6], %x1: i64[3]) {
      %v0: i8[1,5,4,3] = gather(%x0, %x1) {axis = 3}
      %v1: i8[1,5,4,2], %v2: i64[1,5,4,2] = top_k(%v0) {k = 2, axis = 3}
      return %v1, %v2
    }""")
    made = tile(node, Span(1, 4), Span(2, 4))
    x = np.random.default_rng(0).integers(-128, 127, (1, 5, 4, 6), np.int8)
    index = np.array([5, 0, 2])
    assert made.inputs == ((Span(1, 4), Span(2, 4)), None)
    found = run_body(made.graph, x[:, 1:4, 2:4], index)
    for part, whole in zip(found, node.op.evaluate(x, index), strict=True):
        np.testing.assert_array_equal(part, whole[:, 1:4, 2:4])


AVERAGE = """
graph average(%x0: f32[1,{rows},{columns},1]) {{
  %v0: f32[1,{outputs},1] = average_pool(%x0) {{kernel = {kernel}, strides = (2, 2), pads = {pads}, dilations = (1, 1), ceil = True, layout = 'NHWC', count_pad = True}}
  return %v0
}}"""  # noqa: E501


@pytest.mark.parametrize(
    ("size", "kernel", "pads", "outputs", "rows", "columns"),
    [
        # A last window that hangs over the end, alone.
        ((7, 7), (3, 3), (1, 1, 0, 0), (4, 4), Span(3, 4), Span(0, 4)),
        ((7, 7), (3, 3), (1, 1, 0, 0), (4, 4), Span(3, 4), Span(3, 4)),
        # Rows hang over the end; the last column lies in the padding.
        ((7, 1), (3, 1), (1, 1, 0, 2), (4, 2), Span(3, 4), Span(0, 2)),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_averages_that_count_padding_count_none_beyond_it(
    size: tuple[int, int],
    kernel: tuple[int, int],
    pads: tuple[int, ...],
    outputs: tuple[int, int],
    rows: Span,
    columns: Span,
) -> None:
    shape = ",".join(map(str, outputs))
    text = AVERAGE.format(rows=size[0], columns=size[1], kernel=kernel, pads=pads, outputs=shape)
    node = region(text)
    made = tile(node, rows, columns)
    x = np.random.default_rng(0).integers(-9, 9, (1, *size, 1)).astype(np.float32)
    (whole,) = node.op.evaluate(x)
    (found,) = run_body(made.graph, cut(x, made.inputs[0]))
    np.testing.assert_array_equal(found, cut(whole, (rows, columns)))


def test_constants_of_a_body_that_vary_over_the_map_are_cut() -> None:
    node = region("""
    graph g(%x0: i8[1,2,3,1]) {
      %c0: i8[1,2,3,1] = constant([[[[1], [2], [3]], [[4], [5], [6]]]])
      %v0: i8[1,2,3,1] = add(%x0, %c0)
      return %v0
    }""")
    (array,) = tile(node, Span(1, 2), Span(1, 3)).graph.constants.values()
    assert array.tolist() == [[[[5], [6]]]]
    check_tile(node, Span(1, 2), Span(1, 3))


def test_tiles_of_quantized_types_keep_them() -> None:
    body = parse_graph("""
    graph conv_requantize(%x0: i8[1,6,5,2]<0.5, 0>, %x1: i8[2,1,3,3]<(0.25, 0.5), 0, axis 0>) {
      %v0: i32[1,6,5,2]<(0.125, 0.25), 0, axis 3> = conv(%x0, %x1) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), groups = 2, layout = 'NHWC'}
      return %v0
    }""")  # noqa: E501
    before, after = body.outputs[0].type.quant, body.inputs[0].type.quant
    assert before is not None and after is not None
    op = Requantize(before, DType.I8, after)
    output = Value("v1", *op.infer(body.outputs[0].type))
    body = replace(body, nodes=(*body.nodes, Node(op, body.outputs, (output,))), outputs=(output,))
    node = Node(Fused(body), body.inputs, (Value("y", output.type),))
    assert tile(node, Span(0, 2), Span(1, 4)).graph.outputs[0].type.quant == after
    check_tile(node, Span(0, 2), Span(1, 4))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(Span(0, 6), Span(0, 8)), (Span(2, 2), Span(0, 8)), (Span(0, 5), Span(-1, 3))],
)
def test_a_rectangle_outside_the_map_is_refused(rows: Span, columns: Span) -> None:
    with pytest.raises(TypeRuleError, match=r"expected some of \[0,[58]\), found"):
        tile(region(CONV), rows, columns)


def test_a_node_without_tiles_is_refused_in_words() -> None:
    node = region("""
    graph pool(%x0: f32[1,8,8,2]) {
      %v0: f32[1,1,1,2] = reduce(%x0) {kind = 'mean', axes = (1, 2), keepdims = True}
      return %v0
    }""")
    with pytest.raises(TypeRuleError, match="needs the whole map: global_average_pool at %v0"):
        tile(node, Span(0, 1), Span(0, 1))
