"""Recognize the piecewise linear sigmoid."""

from graphopt.ir import Value
from graphopt.ops import Add, Clip, Div, HardSigmoid, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class RecognizeHardSigmoid(RewritePass):
    """clip(x + 3, 0, 6) / 6 becomes hard_sigmoid(x) with alpha 1/6 and beta 1/2."""

    name = "recognize-hard-sigmoid"
    x = AnyValue()
    clip = Apply(Clip, Apply(Add, x, Constant(3.0)))
    root = OneOf(Apply(Mul, clip, Constant(1 / 6)), Apply(Div, clip, Constant(6.0)))

    def rewrite(self, match: Match) -> Value | Reject:
        if match.op(self.clip) != Clip(0, 6):
            return Reject("the bounds are not 0 and 6")
        if match[self.x].type != match.root.output.type:
            return Reject("a constant broadcasts x")
        return match.emit(HardSigmoid(1 / 6, 0.5), match[self.x])
