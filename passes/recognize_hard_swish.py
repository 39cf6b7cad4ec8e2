"""Recognize HardSwish."""

from graphopt.ir import Value
from graphopt.ops import Add, Clip, Div, HardSigmoid, HardSwish, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class RecognizeHardSwish(RewritePass):
    """x * hard_sigmoid(x) with alpha 1/6, or (x * clip(x + 3, 0, 6)) / 6, becomes hard_swish(x)."""

    name = "recognize-hard-swish"
    x = AnyValue()
    sigmoid = Apply(HardSigmoid, x)
    clip = Apply(Clip, Apply(Add, x, Constant(3.0)))
    product = Apply(Mul, x, clip)
    sixth = Constant(1 / 6)
    root = OneOf(
        Apply(Mul, x, sigmoid),
        Apply(Mul, product, sixth),
        Apply(Div, product, Constant(6.0)),
        Apply(Mul, Apply(Mul, x, sixth), clip),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        x = match[self.x]
        if x.type != match.root.output.type:
            return Reject("a constant broadcasts x")
        if self.clip in match:
            if match.op(self.clip) != Clip(0, 6):
                return Reject("the bounds are not 0 and 6")
        else:
            op = match.op(self.sigmoid)
            if abs(op.alpha * 6 - 1) > 1e-5 or abs(op.beta * 2 - 1) > 1e-5:
                return Reject("the slope is not 1/6 or the offset not 1/2")
        return match.emit(HardSwish(), x)
