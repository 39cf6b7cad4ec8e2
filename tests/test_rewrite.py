"""The engine that applies patterns."""

import numpy as np
import pytest

from graphopt.errors import PassError
from graphopt.instruments import Instruments, Rejection, using
from graphopt.ir import Array, Graph, Value
from graphopt.ops import Abs, Add, Elementwise, Exp, Mul, Neg, Relu, Sub, Tanh, TopK
from graphopt.pipeline import run_passes
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Pass, Reject, RewritePass
from graphopt.testing import check_pass
from graphopt.text import parse_graph, print_graph


class NegOfNeg(RewritePass):
    """neg(neg(x)) becomes x."""

    name = "neg-of-neg"
    x = AnyValue()
    root = Apply(Neg, Apply(Neg, x))

    def rewrite(self, match: Match) -> Value:
        return match[self.x]


def test_root_becomes_a_value_that_is_there() -> None:
    check_pass(
        NegOfNeg(),
        before="""
        graph g(%x: f32[2]) {
          %0: f32[2] = neg(%x)
          %1: f32[2] = neg(%0)
          %2: f32[2] = exp(%1)
          return %2, %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %2: f32[2] = exp(%x)
          return %2, %x as 1
        }""",
    )


def test_inner_value_with_a_second_use_is_rejected_and_says_so() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = neg(%x)
      %1: f32[2] = neg(%0)
      return %0, %1
    }""")
    instruments = Instruments()
    assert run_passes(graph, (NegOfNeg(),), instruments) is graph
    (record,) = instruments.records
    assert record.rejections == [
        Rejection("neg defining %1", "an inner value has another use"),
    ]
    assert not record.changed and record.rewrites == 0


class AddOfNeg(RewritePass):
    """x + neg(y) becomes x - y, where x is not a product."""

    name = "add-of-neg"
    x, y = AnyValue(), AnyValue()
    root = Apply(Add, x, Apply(Neg, y))

    def rewrite(self, match: Match) -> Value | Reject:
        producer = match.producer(match[self.x])
        if producer is not None and isinstance(producer.op, Mul | Neg):
            return Reject("x is not simple")
        return match.emit(Sub(), match[self.x], match[self.y])


def test_commutative_inputs_match_in_either_order_and_the_next_way_is_tried() -> None:
    check_pass(
        AddOfNeg(),
        before="""
        graph g(%x: f32[2], %y: f32[2]) {
          %0: f32[2] = neg(%x)
          %1: f32[2] = add(%0, %y)
          %2: f32[2] = neg(%y)
          %3: f32[2] = neg(%1)
          %4: f32[2] = add(%2, %3)
          return %4
        }""",
        after="""
        graph g(%x: f32[2], %y: f32[2]) {
          %1: f32[2] = sub(%y, %x)
          %2: f32[2] = neg(%y)
          %3: f32[2] = neg(%1)
          %4: f32[2] = add(%2, %3)
          return %4
        }""",
    )


class SameTwice(RewritePass):
    """f(x) - f(x) becomes zero, for f relu or tanh."""

    name = "same-twice"
    x = AnyValue()
    relu, tanh = Apply(Relu, x), Apply(Tanh, x)
    f = OneOf(relu, tanh)
    root = Apply(Sub, f, f)

    def rewrite(self, match: Match) -> Value:
        assert (self.relu in match) != (self.tanh in match)
        return match.emit_constant(np.zeros(match.root.output.type.dims, np.float32))


def test_a_pattern_used_twice_must_match_one_value() -> None:
    check_pass(
        SameTwice(),
        before="""
        graph g(%x: f32[2]) {
          %0: f32[2] = tanh(%x)
          %1: f32[2] = sub(%0, %0)
          %2: f32[2] = relu(%x)
          %3: f32[2] = relu(%x)
          %4: f32[2] = sub(%2, %3)
          return %1, %4
        }""",
        after="""
        graph g(%x: f32[2]) {
          %1.0: f32[2] = constant([0.0, 0.0])
          %2: f32[2] = relu(%x)
          %3: f32[2] = relu(%x)
          %4: f32[2] = sub(%2, %3)
          return %1.0 as 1, %4
        }""",
    )


class NegRoots(RewritePass):
    """-abs(x) and 0 - abs(x) become abs(x) * -1."""

    name = "neg-roots"
    x = AnyValue()
    inner = Apply(Abs, x)
    root = OneOf(Apply(Neg, inner), Apply(Sub, Constant(0.0), inner))

    def rewrite(self, match: Match) -> Value:
        y = match.emit(Abs(), match[self.x])
        return match.emit(Mul(), y, match.emit_constant(np.array(-1, np.float32)))


def test_several_roots_and_names_and_locations_of_what_is_emitted() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %zero: f32[] = constant(0.0)
      %0: f32[2] = abs(%x) @ ["first"]
      %1: f32[2] = neg(%0) @ ["second"]
      %2: f32[2] = abs(%1) @ ["third"]
      %3: f32[2] = sub(%zero, %2) @ ["fourth"]
      return %3 as y
    }""")
    assert print_graph(NegRoots().run(graph), locations=True) == "\n".join(
        [
            "graph g(%x: f32[2]) {",
            "  %1.1: f32[] = constant(-1.0)",
            "  %3.1: f32[] = constant(-1.0)",
            '  %1.0: f32[2] = abs(%x) @ ["first", "second"]',
            '  %1: f32[2] = mul(%1.0, %1.1) @ ["first", "second"]',
            '  %3.0: f32[2] = abs(%1) @ ["third", "fourth"]',
            '  %3: f32[2] = mul(%3.0, %3.1) @ ["third", "fourth"]',
            "  return %3 as y",
            "}",
        ]
    )


class LargestAsSmallest(RewritePass):
    """The largest of x become the smallest of -x, negated."""

    name = "largest-as-smallest"
    x = AnyValue()
    root = Apply(TopK, x)

    def rewrite(self, match: Match) -> tuple[Value, ...] | Reject:
        op = match.root.op
        assert isinstance(op, TopK)
        if not op.largest:
            return Reject("it takes the smallest")
        negated = match.emit(Neg(), match[self.x])
        values, indices = match.emit_node(TopK(op.k, op.axis, largest=False), negated)
        return match.emit(Neg(), values), indices


def test_all_outputs_of_a_node_are_replaced() -> None:
    check_pass(
        LargestAsSmallest(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[1], %1: i64[1] = top_k(%x) {k = 1, axis = 0}
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %0.0: f32[4] = neg(%x)
          %0.1: f32[1], %1: i64[1] = top_k(%0.0) {k = 1, axis = 0, largest = False}
          %0: f32[1] = neg(%0.1)
          return %0, %1
        }""",
    )


def test_open_pattern_matches_further_inputs_and_a_closed_one_does_not() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = neg(%x)
      %1: f32[2] = add(%0, %x)
      return %1
    }""")

    class Closed(RewritePass):
        name = "closed"
        root = Apply(Elementwise, Apply(Neg, AnyValue()))

        def rewrite(self, match: Match) -> Reject:
            return Reject("matched")

    class Open(Closed):
        root = Apply(Elementwise, Apply(Neg, AnyValue()), ...)

    for each, expected in ((Closed(), 0), (Open(), 1)):
        instruments = Instruments()
        run_passes(graph, (each,), instruments)
        assert len(instruments.records[0].rejections) == expected


@pytest.mark.parametrize(
    ("value", "array", "accepted"),
    [
        (None, np.array([1.0, 2.0]), True),
        (2.0, np.array([2.0, 2.0], np.float32), True),
        (2.0, np.array([2.0, 2.1], np.float32), False),
        (0.0, np.array(1e-9), False),
        (1 / 6, np.array(0.1666667, np.float32), True),
        (0.044715, np.array(0.044715, np.float16), True),
        (0.044715, np.array(0.0449, np.float16), False),
        (3.0, np.array(3, np.int64), True),
        (1.0, np.array([], np.float32), False),
        (1.0, np.array(True), False),
        (1.0, np.array(["1"], object), False),
    ],
)
def test_constants_are_compared_as_closely_as_their_type_can_tell(
    value: float | None, array: Array, accepted: bool
) -> None:
    assert Constant(value).accepts(array) is accepted


class ExpToZeros(RewritePass):
    """Wrong: changes the type of its root."""

    name = "exp-to-zeros"
    x = AnyValue()
    root = Apply(Exp, x)

    def rewrite(self, match: Match) -> Value:
        return match.emit_constant(np.zeros((3,), np.int32))


def test_a_rewrite_that_changes_a_type_is_an_error() -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = exp(%x) return %0 }")
    with pytest.raises(
        PassError, match=r"exp-to-zeros: exp defining %0: the rewrite changes a type"
    ):
        ExpToZeros().run(graph)


class ExpForEver(RewritePass):
    """Wrong: what it emits matches again."""

    name = "exp-for-ever"
    x = AnyValue()
    root = Apply(Exp, x)

    def rewrite(self, match: Match) -> Value:
        return match.emit(Exp(), match[self.x])


def test_a_pass_that_never_ends_is_an_error() -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = exp(%x) return %0 }")
    with pytest.raises(PassError, match="exp-for-ever: did not converge after 1101 rewrites"):
        ExpForEver().run(graph)


def test_a_pass_without_a_body_is_an_error() -> None:
    class Empty(Pass):
        name = "empty"

    class NoRewrite(RewritePass):
        name = "no-rewrite"
        root = Apply(Exp, AnyValue())

    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = exp(%x) return %0 }")
    with pytest.raises(PassError, match=r"empty: this pass does not define run\(\)"):
        Empty().run(graph)
    with pytest.raises(PassError, match=r"no-rewrite: this pass does not define rewrite\(\)"):
        NoRewrite().run(graph)


def test_the_graph_itself_is_returned_where_nothing_matches() -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = exp(%x) return %0 }")
    assert NegOfNeg().run(graph) is graph


def test_the_bisection_limit_stops_rewrites() -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = neg(%x)
      %1: f32[2] = neg(%0)
      %2: f32[2] = neg(%1)
      %3: f32[2] = neg(%2)
      return %3
    }""")

    def nodes_left(limit: int) -> int:
        with using(Instruments(bisect=limit)):
            result: Graph = NegOfNeg().run(graph)
        return len(result.nodes)

    assert [nodes_left(limit) for limit in (0, 1, 2, 3)] == [4, 2, 0, 0]
