"""Running graphs by the operators' own semantics."""

import numpy as np
import pytest

from graphopt.errors import InputError
from graphopt.interpreter import evaluate
from graphopt.ir import Array
from graphopt.text import parse_graph

GRAPH = parse_graph("""graph g(%x: f32[2]) {
  %c: f32[2] = constant([1.0, 2.0])
  %0: f32[2] = add(%x, %c)
  %1: f32[2] = mul(%0, %0)
  return %1 as y, %0, %1, %x as same, %c
}""")
X = np.array([1, 2], np.float32)


def test_outputs_by_name_also_inputs_constants_and_repeated_ones() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %c: f32[2] = constant([1.0, 2.0])
      %0: f32[2] = add(%x, %c)
      return %0 as sum, %0 as again, %x as same, %c
    }""")
    results = evaluate(graph, {"x": X})
    assert {name: array.tolist() for name, array in results.items()} == {
        "sum": [2, 4],
        "again": [2, 4],
        "same": [1, 2],
        "c": [1, 2],
    }


def test_regions_and_second_outputs() -> None:
    graph = parse_graph("""graph g(%x: f32[3]) {
      %v: f32[1], %i: i64[1] = fused(%x) region k(%a: f32[3]) {
        %0: f32[1], %1: i64[1] = top_k(%a) {k = 1, axis = 0}
        %2: f32[1] = neg(%0)
        return %2, %1
      }
      return %v, %i
    }""")
    results = evaluate(graph, {"x": np.array([1, 3, 2], np.float32)})
    assert results["v"].tolist() == [-3] and results["i"].tolist() == [1]


def test_scalars_stay_scalars() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[] = reduce(%x) {kind = 'sum', axes = (0,)}
      %1: f32[] = transpose(%0) {perm = ()}
      %2: f32[] = expand(%1) {shape = ()}
      %3: f32[] = pad(%2) {pads = ()}
      return %3
    }""")
    (result,) = evaluate(graph, {"x": X}).values()
    assert result.shape == () and result == 3


def test_inputs_are_not_written_to() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = identity(%x)
      %1: f32[2] = add(%0, %0)
      return %1
    }""")
    x = X.copy()
    evaluate(graph, {"x": x})
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "g: inputs: expected ['x'], found []"),
        ({"x": X, "y": X}, "g: inputs: expected ['x'], found ['x', 'y']"),
        ({"x": X[:1]}, "%x: input: expected f32[2], found f32[1]"),
        ({"x": X.astype(np.float64)}, "%x: input: expected f32[2], found f64[2]"),
    ],
)
def test_wrong_inputs_are_named(inputs: dict[str, Array], message: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate(GRAPH, inputs)
    assert str(caught.value) == message
