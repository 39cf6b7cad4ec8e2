"""Recognize layer normalization and RMS normalization."""

from __future__ import annotations

from graphopt.ir import Value
from graphopt.ops import Add, Div, LayerNorm, Mul, Pow, Reciprocal, Reduce, Sqrt, Sub
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class RecognizeLayerNorm(RewritePass):
    """(x - mean(x)) / sqrt(mean((x - mean(x)) ** 2) + epsilon) becomes layer_norm(x).

    x / sqrt(mean(x ** 2) + epsilon) becomes its form without a mean (rms). The division may
    stand as a product with the reciprocal, the square as a power.
    """

    name = "recognize-layer-norm"
    x, epsilon = AnyValue(), Constant()
    mean = Apply(Reduce, x)
    centred = Apply(Sub, x, mean)
    subject = OneOf(centred, x)
    square = OneOf(Apply(Mul, subject, subject), Apply(Pow, subject, Constant(2.0)))
    variance = Apply(Reduce, square)
    deviation = Apply(Sqrt, Apply(Add, variance, epsilon))
    root = OneOf(
        Apply(Div, subject, deviation),
        Apply(Mul, subject, Apply(Reciprocal, deviation)),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        epsilon = match.constant(self.epsilon)
        assert epsilon is not None
        if epsilon.size != 1:
            return Reject("epsilon is not one number")
        rms = self.centred not in match
        means = [self.variance] if rms else [self.variance, self.mean]
        axes = match.op(self.variance).axes
        for each in means:
            if match.op(each) != Reduce("mean", axes, keepdims=True):
                return Reject("the reductions are not means over the same axes, which stay")
        x = match[self.x]
        if x.type != match.root.output.type:
            return Reject("a constant broadcasts x")
        return match.emit(LayerNorm(axes, float(epsilon.flat[0]), rms), x)
