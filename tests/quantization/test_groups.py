"""Which activations get quantizers, and which share one."""

from __future__ import annotations

import pytest

from graphopt.ir import Graph
from graphopt.quantization.groups import find_placement
from graphopt.quantization.layers import find_layers
from graphopt.text import parse_graph

CONV = "{strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}"
CONSTANTS = """
  %w: f32[4,4,1,1] = constant(1.0)
  %m: f32[4,4] = constant(1.0)
  %b: f32[4] = constant(0.5)
  %s: f32[] = constant(2.0)
"""


def graph(body: str, shape: str = "1,4,3,3") -> Graph:
    return parse_graph(f"graph g(%x: f32[{shape}]) {{{CONSTANTS}{body}}}")


def groups(found: Graph, quantize_outputs: bool = False) -> list[str]:
    """The quantized values, those of one group joined by +."""
    placement = find_placement(found, quantize_outputs=quantize_outputs)
    return ["+".join(value.name for value in group.values) for group in placement.groups]


def test_quantize_behind_the_clip_and_leave_the_output_alone() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %r: f32[1,4,3,3] = relu(%a)
      %y: f32[1,4,3,3] = conv(%r, %w, %b) {CONV}
      return %y""")
    assert groups(found) == ["x", "r"]
    assert groups(found, quantize_outputs=True) == ["x", "r", "y"]


def test_a_clip_does_not_hide_its_input_from_others() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %r: f32[1,4,3,3] = clip(%a) {{low = 0.0, high = 6.0}}
      %t: f32[1,4,3,3] = add(%r, %a)
      %y: f32[1,4,3,3] = conv(%t, %w, %b) {CONV}
      return %y""")
    assert groups(found) == ["x", "a", "r", "t"]


def test_bias_of_a_matrix_product() -> None:
    found = graph(
        """
      %a: f32[2,4] = matmul(%x, %m)
      %t: f32[2,4] = add(%a, %b)
      %r: f32[2,4] = relu(%t)
      %y: f32[2,4] = matmul(%r, %m)
      return %y""",
        "2,4",
    )
    assert groups(found) == ["x", "r"]
    first, second = find_layers(found).values()
    assert (first.name, first.output.name, first.axis) == ("a", "t", 1)
    assert first.bias is not None and second.bias is None


def test_functions_in_a_row_are_one_table() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %h: f32[1,4,3,3] = hard_swish(%a)
      %p: f32[1,4,3,3] = mul(%h, %s)
      %q: f32[1,4,3,3] = add(%s, %p)
      %y: f32[1,4,3,3] = conv(%q, %w, %b) {CONV}
      return %y""")
    assert groups(found) == ["x", "a", "q"]


def test_what_moves_elements_shares_their_quantizer() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %p: f32[1,4,3,3] = max_pool(%a) {{kernel = (1, 1), strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}}
      %t: f32[1,3,3,4] = transpose(%p) {{perm = (0, 2, 3, 1)}}
      %f: f32[9,4] = reshape(%t) {{shape = (9, 4)}}
      %y: f32[9,4] = matmul(%f, %m)
      return %y""")  # noqa: E501
    assert groups(found) == ["x", "a+p+t+f"]
    (_, shared) = find_placement(found).groups
    assert [value.name for value in shared.sources] == ["a"]


def test_concat_shares_with_inputs_that_nothing_else_reads() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %c: f32[1,4,3,3] = conv(%a, %w, %b) {CONV}
      %t: f32[1,8,3,3] = concat(%a, %c) {{axis = 1}}
      %u: f32[1,8,3,3] = add(%t, %t)
      %v: f32[1,4,3,3] = slice(%u) {{starts = (0, 0, 0, 0), sizes = (1, 4, 3, 3), steps = (1, 1, 1, 1)}}
      %y: f32[1,4,3,3] = conv(%v, %w, %b) {CONV}
      return %y""")  # noqa: E501
    assert groups(found) == ["x", "a", "c+t", "u+v"]


def test_scale_and_bias_belong_to_the_layer_norm() -> None:
    found = graph(
        """
      %a: f32[2,4] = matmul(%x, %m)
      %n: f32[2,4] = layer_norm(%a) {axes = (1,)}
      %p: f32[2,4] = mul(%n, %b)
      %q: f32[2,4] = add(%p, %b)
      %y: f32[2,4] = matmul(%q, %m)
      return %y""",
        "2,4",
    )
    assert groups(found) == ["x", "a", "q"]


@pytest.mark.parametrize("tail", ["sigmoid(%a)", "softmax(%a) {axis = 1}", "add(%a, %x)"])
def test_what_follows_the_last_sums_stays_float(tail: str) -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %y: f32[1,4,3,3] = {tail}
      return %y""")
    assert groups(found) == ["x"]
    assert groups(found, quantize_outputs=True) == ["x", "a", "y"]


def test_arithmetic_on_masks_stays_float() -> None:
    found = parse_graph("""graph g(%x: f32[4,4], %mask: i64[1,4]) {
      %m: f32[4,4] = constant(1.0)
      %one: f32[] = constant(1.0)
      %f: f32[1,4] = cast(%mask)
      %i: f32[1,4] = sub(%one, %f)
      %a: f32[4,4] = matmul(%x, %m)
      %t: f32[4,4] = add(%a, %i)
      %p: f32[4,4] = softmax(%t) {axis = 1}
      %y: f32[4,4] = matmul(%p, %m)
      return %y
    }""")
    assert groups(found) == ["x", "p"]


def test_float_nodes_and_values() -> None:
    found = graph(f"""
      %a: f32[1,4,3,3] = conv(%x, %w, %b) {CONV}
      %h: f32[1,4,3,3] = sigmoid(%a)
      %c: f32[1,4,3,3] = conv(%h, %w, %b) {CONV}
      %y: f32[1,4,3,3] = conv(%c, %w, %b) {CONV}
      return %y""")
    convs = [layer.node for layer in find_layers(found).values()]
    names = [g.name for g in find_placement(found, float_nodes=convs[1:2]).groups]
    assert names == ["x", "c"]
    names = [g.name for g in find_placement(found, float_values=[convs[0].output]).groups]
    assert names == ["x", "h", "c"]


def test_layers_of_one_source_have_names_of_their_own() -> None:
    found = graph(
        """
      %a: f32[2,4] = matmul(%x, %m) @ ["lstm"]
      %y: f32[2,4] = matmul(%a, %m) @ ["lstm"]
      return %y""",
        "2,4",
    )
    assert list(find_layers(found)) == ["lstm", "lstm#2"]
