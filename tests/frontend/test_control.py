"""If, Loop, Scan and sequences against ONNX Runtime; the structure is gone after import."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx import ModelProto, parser

from graphopt.errors import GraphoptError, ModelError, NotConstant, UnsupportedOperator
from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Graph

CheckText = Callable[..., Graph]

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'


def model_of(text: str) -> ModelProto:
    return parser.parse_model(HEADER + text)


def operators(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], np.float32)

COMPUTED_IF = """
g (float[2,3] x, bool c) => (float[2,3] y) {
  y = If (c) <
    then_branch = then_graph () => (float[2,3] a) { a = Relu (x) },
    else_branch = else_graph () => (float[2,3] b) { b = Neg (x) }
  >
}"""


@pytest.mark.parametrize("condition", [True, False])
def test_if_with_a_computed_condition_chooses(check_text: CheckText, condition: bool) -> None:
    graph = check_text(COMPUTED_IF, x=X, c=np.array(condition))
    assert sorted(operators(graph)) == ["neg", "relu", "where"]


@pytest.mark.parametrize("condition", [True, False])
def test_if_with_a_known_condition_is_the_branch(condition: bool) -> None:
    graph = load_onnx(model_of(COMPUTED_IF), constants={"c": np.array(condition)})
    assert operators(graph) == ["relu" if condition else "neg"]


def test_if_whose_branches_differ_in_shape_needs_a_known_condition() -> None:
    text = """
    g (float[2,3] x, bool c) => (float[n,m] y) {
      y = If (c) <
        then_branch = then_graph () => (float[2,3] a) { a = Relu (x) },
        else_branch = else_graph () => (float[3,2] b) { b = Transpose (x) }
      >
    }"""
    with pytest.raises(UnsupportedOperator, match=r"between f32\[2,3\] and f32\[3,2\].*%c"):
        load_onnx(model_of(text))
    graph = load_onnx(model_of(text), constants={"c": np.array(False)})
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], X.T)


def test_nested_ifs_see_values_of_all_graphs_around_them(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3] x, bool c, bool d) => (float[2,3] y) {
          two = Constant <value = float {2.0}> ()
          y = If (c) <
            then_branch = t () => (float[2,3] a) {
              twice = Mul (x, two)
              a = If (d) <
                then_branch = tt () => (float[2,3] aa) { aa = Add (twice, x) },
                else_branch = te () => (float[2,3] ab) { ab = Identity (twice) }
              >
            },
            else_branch = e () => (float[2,3] b) { b = Identity (x) }
          >
        }""",
        x=X,
        c=np.array(True),
        d=np.array(False),
    )


def test_loop_carries_and_collects(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (float[2,3] x) => (float[2,3] last, float[4,2,3] all) {
          trips = Constant <value = int64 {4}> ()
          go = Constant <value = bool {1}> ()
          last, all = Loop (trips, go, x) <
            body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2, float[2,3] row) {
              c2 = Identity (c)
              n = Cast <to = 1> (i)
              s2 = Add (s, x)
              row = Mul (s2, n)
            }
          >
        }""",
        x=X,
    )
    assert "concat" in operators(graph)


def test_loop_ends_when_its_known_condition_fails(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (float[2,3] x) => (float[2,3] y) {
          trips = Constant <value = int64 {100}> ()
          go = Constant <value = bool {1}> ()
          y = Loop (trips, go, x) <
            body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2) {
              two = Constant <value = int64 {2}> ()
              c2 = Less (i, two)
              s2 = Add (s, x)
            }
          >
        }""",
        x=X,
    )
    assert operators(graph) == ["add"] * 3


@pytest.mark.parametrize("bound", [-10.0, 5.0, 1000.0])
def test_loop_with_a_computed_condition_holds_its_state_after_it_fails(
    check_text: CheckText, bound: float
) -> None:
    check_text(
        """
        g (float[2,3] x, float bound) => (float[2,3] y) {
          trips = Constant <value = int64 {5}> ()
          go = Constant <value = bool {1}> ()
          y = Loop (trips, go, x) <
            body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2) {
              s2 = Add (s, x)
              total = ReduceSum <keepdims = 0> (s2)
              c2 = Less (total, bound)
            }
          >
        }""",
        x=X,
        bound=np.array(bound, np.float32),
    )


@pytest.mark.parametrize("trips", [2**63 - 1, 2000])
def test_loop_that_may_run_too_often_is_an_error(trips: int) -> None:
    text = f"""
    g (float[2,3] x, float bound) => (float[2,3] y) {{
      trips = Constant <value = int64 {{{trips}}}> ()
      go = Constant <value = bool {{1}}> ()
      y = Loop (trips, go, x) <
        body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2) {{
          s2 = Add (s, x)
          total = ReduceSum <keepdims = 0> (s2)
          c2 = Less (total, bound)
        }}
      >
    }}"""
    with pytest.raises(NotConstant, match="condition that decides how often the loop runs"):
        load_onnx(model_of(text))


def test_loop_that_never_runs_gives_empty_scan_outputs(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3] x) => (float[2,3] last, float[n,2,3] all) {
          trips = Constant <value = int64 {0}> ()
          go = Constant <value = bool {1}> ()
          last, all = Loop (trips, go, x) <
            body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2, float[2,3] row) {
              c2 = Identity (c)
              s2 = Add (s, x)
              row = Neg (s2)
            }
          >
        }""",
        x=X,
    )


def test_what_all_iterations_share_is_computed_once(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (float[2,3] x) => (float[2,3] y) {
          trips = Constant <value = int64 {3}> ()
          go = Constant <value = bool {1}> ()
          y = Loop (trips, go, x) <
            body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2)
            <float[3] w = {1.0, 2.0, 3.0}> {
              c2 = Identity (c)
              shared = Mul (x, w)
              s2 = Add (s, shared)
            }
          >
        }""",
        x=X,
    )
    assert operators(graph) == ["mul", "add", "add", "add"]
    assert len(graph.constants) == 1


def test_loop_with_a_computed_trip_count_is_an_error() -> None:
    text = """
    g (float[2,3] x, int64 trips) => (float[2,3] y) {
      go = Constant <value = bool {1}> ()
      y = Loop (trips, go, x) <
        body = b (int64 i, bool c, float[2,3] s) => (bool c2, float[2,3] s2) {
          c2 = Identity (c)
          s2 = Add (s, x)
        }
      >
    }"""
    with pytest.raises(UnsupportedOperator, match="trip count: expected a constant.*%trips"):
        load_onnx(model_of(text))
    graph = load_onnx(model_of(text), constants={"trips": np.array(2)})
    np.testing.assert_allclose(evaluate(graph, {"x": X})["y"], 3 * X)


@pytest.mark.parametrize("direction", [0, 1])
def test_scan_over_any_axis_in_either_direction(check_text: CheckText, direction: int) -> None:
    check_text(
        f"""
        g (float[2,3] x, float[2] start) => (float[2] last, float[2,3] all) {{
          last, all = Scan (start, x) <
            num_scan_inputs = 1,
            scan_input_axes = [1], scan_output_axes = [1],
            scan_input_directions = [{direction}], scan_output_directions = [{1 - direction}],
            body = b (float[2] s, float[2] item) => (float[2] s2, float[2] row) {{
              s2 = Add (s, item)
              row = Mul (s2, item)
            }}
          >
        }}""",
        x=X,
        start=np.array([1.0, 2.0], np.float32),
    )


def test_sequences_are_gone_after_import(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (float[2,3] x) => (float[4,3] y, int64 n, float[2,3] z) {
          minus_one = Constant <value = int64 {-1}> ()
          s0 = SequenceConstruct (x, x)
          r = Relu (x)
          s1 = SequenceInsert (s0, r, minus_one)
          z = SequenceAt (s1, minus_one)
          s2 = SequenceErase (s1)
          n = SequenceLength (s2)
          y = ConcatFromSequence <axis = 0> (s2)
        }""",
        x=X,
    )
    assert operators(graph) == ["relu", "concat"]


def test_sequence_at_a_computed_position_is_a_gather(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3] x, int64 i) => (float[2,1] y) {
          one = Constant <value = int64 {1}> ()
          s = SplitToSequence <axis = 1> (x, one)
          y = SequenceAt (s, i)
        }""",
        x=X,
        i=np.array(2),
    )


@pytest.mark.parametrize("split", ["int64 {2}", "int64[2] {1, 2}"])
def test_split_to_sequence(check_text: CheckText, split: str) -> None:
    check_text(
        f"""
        g (float[2,3] x) => (float[2,n] y) {{
          split = Constant <value = {split}> ()
          zero = Constant <value = int64 {{0}}> ()
          s = SplitToSequence <axis = 1> (x, split)
          y = SequenceAt (s, zero)
        }}""",
        x=X,
    )


def test_loop_that_builds_a_sequence(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3] x) => (float[6,3] y) {
          trips = Constant <value = int64 {3}> ()
          go = Constant <value = bool {1}> ()
          empty = SequenceEmpty <dtype = 1> ()
          s = Loop (trips, go, empty) <
            body = b (int64 i, bool c, seq(float[2,3]) s0) => (bool c2, seq(float[2,3]) s1) {
              c2 = Identity (c)
              n = Cast <to = 1> (i)
              item = Add (x, n)
              s1 = SequenceInsert (s0, item)
            }
          >
          y = ConcatFromSequence <axis = 0> (s)
        }""",
        x=X,
    )


def test_sequence_map(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3] x) => (float[2,6] y) {
          s = SequenceConstruct (x, x)
          t = SequenceMap (s, x) <
            body = b (float[2,3] a, float[2,3] e) => (float[2,3] r) { r = Mul (a, e) }
          >
          y = ConcatFromSequence <axis = 1> (t)
        }""",
        x=X,
    )


def test_position_outside_the_sequence_is_an_error() -> None:
    text = """
    g (float[2,3] x) => (float[2,3] y) {
      two = Constant <value = int64 {2}> ()
      s = SequenceConstruct (x, x)
      y = SequenceAt (s, two)
    }"""
    with pytest.raises(ModelError, match="position: expected within 2 elements, found 2"):
        load_onnx(model_of(text))


def test_a_tensor_is_not_a_sequence() -> None:
    text = "g (float[2,3] x) => (int64 n) { n = SequenceLength (x) }"
    with pytest.raises(GraphoptError, match="expected a sequence"):
        load_onnx(model_of(text))


def test_optionals() -> None:
    text = """
    g (float[2,3] x) => (bool yes, bool no, float[2,3] y) {
      full = Optional (x)
      empty = Optional <type = float[2,3]> ()
      yes = OptionalHasElement (full)
      no = OptionalHasElement (empty)
      y = OptionalGetElement (full)
    }"""
    model = parser.parse_model(HEADER.replace("17", "18") + text.replace("<type = float[2,3]>", ""))
    found = evaluate(load_onnx(model), {"x": X})
    assert bool(found["yes"]) and not bool(found["no"])
    np.testing.assert_array_equal(found["y"], X)
