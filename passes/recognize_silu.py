"""Recognize SiLU."""

from graphopt.ir import Value
from graphopt.ops import Mul, Sigmoid, Silu
from graphopt.rewrite import AnyValue, Apply, Match, RewritePass


class RecognizeSilu(RewritePass):
    """x * sigmoid(x) becomes silu(x)."""

    name = "recognize-silu"
    x = AnyValue()
    root = Apply(Mul, x, Apply(Sigmoid, x))

    def rewrite(self, match: Match) -> Value:
        return match.emit(Silu(), match[self.x])
