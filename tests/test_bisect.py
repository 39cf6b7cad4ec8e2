import numpy as np

from graphopt.bisect import bisect
from graphopt.ir import Value
from graphopt.ops import Neg, Relu, Sigmoid, Tanh
from graphopt.rewrite import AnyValue, Apply, Match, RewritePass
from graphopt.text import parse_graph

GRAPH = """graph g(%x: f32[4]) {
  %a: f32[4] = tanh(%x)
  %b: f32[4] = relu(%a)
  %c: f32[4] = sigmoid(%b)
  return %c
}"""


class TanhToItself(RewritePass):
    """tanh(x) becomes neg(neg(tanh(x))), once."""

    name = "tanh-to-itself"
    x = AnyValue()
    root = Apply(Relu, Apply(Tanh, x))

    def rewrite(self, match: Match) -> Value:
        y = match.emit(Neg(), match.emit(Neg(), match.emit(Tanh(), match[self.x])))
        return match.emit(Relu(), y)


class SigmoidToTanh(RewritePass):
    """sigmoid(x) becomes tanh(x), which is wrong."""

    name = "sigmoid-to-tanh"
    x = AnyValue()
    root = Apply(Sigmoid, x)

    def rewrite(self, match: Match) -> Value:
        return match.emit(Tanh(), match[self.x])


def test_names_the_first_wrong_rewrite() -> None:
    inputs = {"x": np.array([-1, 0.5, 1, 2], np.float32)}
    found = bisect(parse_graph(GRAPH), inputs, (TanhToItself(), SigmoidToTanh()))
    assert found is not None
    assert found.number == 2
    assert found.rewrite == "sigmoid-to-tanh at sigmoid defining %c"
    assert "output c" in found.problem


def test_right_rewrites_are_cleared() -> None:
    inputs = {"x": np.array([-1, 0.5, 1, 2], np.float32)}
    assert bisect(parse_graph(GRAPH), inputs, (TanhToItself(),)) is None
    assert bisect(parse_graph(GRAPH), inputs) is None
