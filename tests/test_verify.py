"""What the verifier refuses."""

from dataclasses import replace

import numpy as np
import pytest

from graphopt.errors import VerifyError
from graphopt.ir import DType, Graph, Node, TensorType, Value
from graphopt.ops import Relu
from graphopt.text import parse_graph
from graphopt.verify import verify, verify_explained, verify_integer_regions, verify_phase

GRAPH = parse_graph("""graph g(%x: f32[2]) {
  %c: f32[2] = constant([1.0, 2.0])
  %0: f32[2] = add(%x, %c) @ ["sum"]
  %1: f32[2] = relu(%0)
  return %1
}""")
F32 = TensorType(DType.F32, (2,))


def _refused(graph: Graph, message: str) -> None:
    with pytest.raises(VerifyError) as caught:
        verify(graph)
    assert str(caught.value) == message


def test_a_valid_graph_passes() -> None:
    verify(GRAPH)


def test_use_before_definition() -> None:
    graph = replace(GRAPH, nodes=GRAPH.nodes[::-1])
    _refused(graph, "relu defining %1: %0 is used before it is defined")


def test_two_definitions() -> None:
    graph = replace(GRAPH, nodes=(*GRAPH.nodes, GRAPH.nodes[0]))
    _refused(graph, "add defining %0 (sum): %0 is defined twice")
    graph = replace(GRAPH, inputs=GRAPH.inputs * 2)
    _refused(graph, "inputs of g: %x is defined twice")


def test_output_that_nothing_defines() -> None:
    _refused(replace(GRAPH, outputs=(Value("y", F32),)), "return of g: %y is not defined")


def test_outputs_without_names() -> None:
    graph = replace(GRAPH, output_names=("a", "b"))
    _refused(graph, "return of g: outputs and output names differ in number")


def test_constant_of_another_type() -> None:
    (value,) = GRAPH.constants
    graph = replace(GRAPH, constants={value: np.zeros(2, np.float64)})
    _refused(graph, "constant %c: expected f32[2], found f64[2]")


def test_types_that_no_operator_takes() -> None:
    graph = parse_graph("graph g(%x: f32[2], %y: f32[3]) { %0: f32[2] = add(%x, %y) return %0 }")
    _refused(graph, "add defining %0: shapes do not broadcast: [2] and [3]")


def test_output_of_another_type_than_the_operator_gives() -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[3] = relu(%x) return %0 }")
    _refused(graph, "relu defining %0: output types: expected f32[2], found f32[3]")


def test_a_node_must_have_the_inputs_of_its_operator() -> None:
    (x,) = GRAPH.inputs
    node = Node(Relu(), (x, x), (Value("y", F32),))
    with pytest.raises(VerifyError, match="relu defining %y: "):
        verify(Graph("g", (x,), (node,), node.outputs))


def test_regions_are_checked_inside() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %y: f32[2] = fused(%x) region k(%a: f32[2]) {
        %0: f32[3] = relu(%a)
        return %a
      }
      return %y
    }""")
    _refused(graph, "relu defining %0: output types: expected f32[2], found f32[3]")


def test_region_inputs_must_fit() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %y: f32[3] = fused(%x) region k(%a: f32[3]) {
        return %a
      }
      return %y
    }""")
    _refused(graph, "fused defining %y: inputs of region k: expected f32[3], found f32[2]")


def test_symbols_must_be_bound_at_the_end_of_the_canonical_phase() -> None:
    graph = parse_graph("graph g(%x: f32[n]) { %0: f32[n] = relu(%x) return %0 }")
    verify_phase(graph, "imported")
    with pytest.raises(VerifyError, match="%x: dimension: expected a number, found the symbol 'n'"):
        verify_phase(graph, "canonical")


def test_only_regions_at_the_end_of_the_fused_phase() -> None:
    with pytest.raises(VerifyError, match="expected a fused region, found a plain operator"):
        verify_phase(GRAPH, "fused")


def test_no_region_inside_a_region() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %y: f32[2] = fused(%x) region k(%a: f32[2]) {
        %b: f32[2] = fused(%a) region l(%c: f32[2]) {
          %0: f32[2] = relu(%c)
          return %0
        }
        return %b
      }
      return %y
    }""")
    with pytest.raises(VerifyError, match="fused defining %b: a region inside a region"):
        verify_phase(graph, "fused")


PRODUCT = parse_graph("""graph g(%x: f32[2,2]) {
  %w: i8[2,2]<0.5, 0> = constant([[1, 2], [3, 4]])
  %0: i8[2,2]<0.5, 0> = encode(%x) {dtype = 'i8', quant = <0.5, 0>}
  %1: f32[2,2] = decode(%0) {quant = <0.5, 0>}
  %2: f32[2,2] = decode(%w) {quant = <0.5, 0>}
  %3: f32[2,2] = matmul(%1, %2)
  return %3
}""")


def test_products_of_integers_stay_floats_only_for_a_reason() -> None:
    verify_phase(PRODUCT, "quantized")
    with pytest.raises(VerifyError, match="matmul defining %3: expected a product of integers"):
        verify_explained(PRODUCT, ())
    verify_explained(PRODUCT, ("matmul defining %3",))


def test_quantized_values_are_refused_by_operators_of_floats() -> None:
    graph = parse_graph("""graph g(%x: i8[2]<0.5, 0>) {
      %0: i8[2]<0.5, 0> = sigmoid(%x)
      return %0
    }""")
    _refused(graph, "sigmoid defining %0: the operator is not defined over quantized types")


REGION = parse_graph("""graph g(%x: i8[2]) {
  %y: i8[2] = fused(%x) @ ["gate"] region k(%a: i8[2]) {
    %0: f32[2] = cast(%a) {to = 'f32'}
    %1: f32[2] = sigmoid(%0)
    %2: i8[2] = cast(%1) {to = 'i8'}
    return %2
  }
  return %y
}""")


def test_regions_between_integers_hold_no_floats_but_those_that_are_known() -> None:
    verify_integer_regions(REGION, ("gate",))
    with pytest.raises(VerifyError, match=r"fused defining %y \(gate\): expected integers, found"):
        verify_integer_regions(REGION, ("another",))
