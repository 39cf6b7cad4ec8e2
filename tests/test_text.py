"""Graphs as text and back."""

import numpy as np
import pytest

from graphopt.errors import ParseError
from graphopt.interpreter import evaluate
from graphopt.ir import DType, Graph, Node, TensorType, Value
from graphopt.ops import Neg, Relu
from graphopt.text import constants_by_digest, parse_graph, print_graph
from graphopt.verify import verify


def _same(text: str) -> None:
    graph = parse_graph(text)
    verify(graph)
    assert print_graph(graph, locations=True) == text


def test_attributes_of_every_kind() -> None:
    _same("""graph g(%x: f32[1,2,3]) {
  %0: f32[1,2,3] = clip(%x) {low = -inf, high = 1e-05}
  %1: f32[1,2,3] = softmax(%0) {axis = 2, log = True}
  %2: f32[1,2,4] = pad(%1) {pads = (0, 0, 1, 0, 0, 0), mode = 'edge'}
  %3: i64[1,2,4] = cast(%2) {to = 'i64'}
  %4: i64[1,2,1], %5: i64[1,2,1] = top_k(%3) {k = 1, axis = 2}
  return %4, %5
}""")


def test_constants_of_every_kind() -> None:
    _same("""graph g() {
  %a: f32[] = constant(0.5)
  %b: f16[2] = constant([inf, -inf])
  %c: i64[0] = constant([])
  %d: bool[1,2] = constant([[True, False]])
  %e: str[2] = constant(['a b', "it's"])
  %f: bf16[3,100] = constant(1.5)
  %g: c128[4] = constant([(1+2j), (-1.5e-05-0.5j), 2j, (inf+1j)])
  %h: i4[2] = constant([-8, 7])
  return %a, %b, %c, %d, %e, %f, %g, %h
}""")


def test_not_a_number() -> None:
    graph = parse_graph("graph g() { %a: f32[2] = constant([nan, -1]) return %a }")
    assert print_graph(graph).splitlines()[1] == "  %a: f32[2] = constant([nan, -1.0])"
    assert np.isnan(evaluate(graph, {})["a"][0])


def test_names_that_need_quotes_and_outputs_with_other_names() -> None:
    _same("""graph "a graph"(%"x:0": f32[1]) {
  %"a \\"b\\"": f32[1] = relu(%"x:0")
  %layer.0/out$1-2: f32[1] = relu(%"a \\"b\\"")
  return %layer.0/out$1-2 as "the output", %"x:0", %layer.0/out$1-2
}""")


def test_locations_and_symbolic_dimensions() -> None:
    _same("""graph g(%x: f32[batch,2]) {
  %0: f32[batch,2] = relu(%x) @ ["conv1", "relu \\"1\\""]
  return %0
}""")


def test_regions() -> None:
    _same("""graph g(%x: f32[2]) {
  %c: f32[2] = constant([1.0, 2.0])
  %y: f32[2], %z: f32[2] = fused(%x, %c) @ ["a", "b"] region k(%a: f32[2], %b: f32[2]) {
    %d: f32[] = constant(2.0)
    %0: f32[2] = add(%a, %b) @ ["a"]
    %1: f32[2] = mul(%0, %d) @ ["b"]
    return %0, %1
  }
  return %y, %z
}""")


def test_large_constants_are_named_by_their_content() -> None:
    weights = np.arange(20, dtype=np.float32)
    text = "graph g(%x: f32[20]) { %w: f32[20] = constant(#HASH) return %w }"
    graph = parse_graph(text.replace("HASH", "00"), {"00": weights})
    printed = print_graph(graph)
    held = constants_by_digest(graph)
    ((digest, array),) = held.items()
    assert f"constant(#{digest})" in printed
    np.testing.assert_array_equal(array, weights)
    assert print_graph(parse_graph(printed, held)) == printed
    other = parse_graph(text.replace("HASH", "00"), {"00": weights + 1})
    assert print_graph(other) != printed


def test_constants_of_regions_are_found() -> None:
    text = """graph g(%x: f32[17]) {
      %y: f32[17] = fused(%x) region k(%a: f32[17]) {
        %w: f32[17] = constant(#00)
        %0: f32[17] = add(%a, %w)
        return %0
      }
      return %y
    }"""
    graph = parse_graph(text, {"00": np.arange(17, dtype=np.float32)})
    assert len(constants_by_digest(graph)) == 1


def test_two_values_of_one_name_are_told_apart() -> None:
    x, first, second = (Value(name, TensorType(DType.F32, (1,))) for name in ("x", "y", "y"))
    nodes = (Node(Relu(), (x,), (first,)), Node(Neg(), (first,), (second,)))
    text = print_graph(Graph("g", (x,), nodes, (second,)))
    assert text.splitlines()[2] == "  %y.1: f32[1] = neg(%y)"
    assert "return %y.1 as y" in text
    verify(parse_graph(text))


def test_comments_and_layout_do_not_matter() -> None:
    loose = """
    // a comment
    graph g( %x : f32 [ 2 ] ){ %0:f32[2]=relu(%x) // another
      return %0 }"""
    tight = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = relu(%x) return %0 }")
    assert print_graph(parse_graph(loose)) == print_graph(tight)


HEAD = "graph g(%x: f32[2]) {\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grap", "line 1, column 1: expected 'graph', found 'grap'"),
        ("graph g(%x: f32[2]) {", "line 1, column 22: expected 'value', found 'end of text'"),
        ("graph g(%x f32[2])", "line 1, column 12: expected ':', found 'f32'"),
        ("graph g(%x: float[2])", "line 1, column 13: expected an element type, found 'float'"),
        ("graph g(%x: f32[2;])", "line 1, column 18: unexpected ';'"),
        (HEAD + "  return %y\n}", "line 2, column 10: %y is not defined above"),
        (HEAD + "  %x: f32[2] = relu(%x)", "line 2, column 16: %x is defined twice"),
        (
            HEAD + "  %0: f32[2] = reluu(%x)",
            "line 2, column 16: expected an operator, found 'reluu'",
        ),
        (HEAD + "  %0: f32[2] = relu(%1)", "line 2, column 21: %1 is not defined above"),
        (
            HEAD + "  %0: f32[2] = elu(%x) {beta = 1.0}",
            "line 2, column 25: expected an attribute of elu, found 'beta'",
        ),
        (HEAD + "  %0: f32[2] = elu(%x) {alpha = }", "line 2, column 33: expected "),
        (HEAD + "  %0: f32[2] = elu(%x) {alpha = no}", "line 2, column 33: expected a literal"),
        (
            HEAD + "  %0: f32[2] = cast(%x) {to = 'f33'}",
            "line 2, column 31: expected an element type, found \"'f33'\"",
        ),
        (HEAD + "  %0: f32[2] = reduce(%x)", "line 2, column 16: "),
        (HEAD + "  %0: f32[3] = constant([1, 2])", "line 2, column 25: constant of type f32[3]"),
        (HEAD + "  %0: i8[1] = constant(['a'])", "line 2, column 24: constant of type i8[1]"),
        (HEAD + "  %0: f32[99] = constant(#ab)", "line 2, column 26: constant #ab: its array"),
        (HEAD + "  return %x\n} graph", "line 3, column 3: expected 'end', found 'graph'"),
        (HEAD + "  %0: f32[2] = relu(%x) % %\n}", "line 2, column 25: unexpected '%'"),
    ],
)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_graph(text)
    assert str(caught.value).startswith(message)
