"""Recognize GELU in the forms that exporters write."""

import math

from graphopt.ir import Value
from graphopt.ops import Add, Div, Erf, Gelu, Mul, Pow, Tanh
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class RecognizeGelu(RewritePass):
    """x * (1 + erf(x / sqrt 2)) / 2 becomes gelu(x), factors in any order; so does the tanh form.

    The tanh form has tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)) in the place of erf.
    """

    name = "recognize-gelu"
    x, half = AnyValue(), Constant(0.5)
    erf = Apply(
        Erf,
        OneOf(
            Apply(Mul, x, Constant(math.sqrt(0.5))),
            Apply(Div, x, Constant(math.sqrt(2))),
        ),
    )
    square = Apply(Mul, x, x)
    cubic = Constant(0.044715)
    outer = Constant(math.sqrt(2 / math.pi))
    polynomial = OneOf(
        Apply(
            Mul,
            Apply(
                Add,
                x,
                OneOf(
                    Apply(Mul, OneOf(Apply(Pow, x, Constant(3.0)), Apply(Mul, square, x)), cubic),
                    Apply(Mul, Apply(Mul, square, cubic), x),
                    Apply(Mul, square, Apply(Mul, x, cubic)),
                ),
            ),
            outer,
        ),
        Apply(
            Mul,
            Apply(Mul, x, outer),
            Apply(
                Add,
                OneOf(Apply(Mul, square, cubic), Apply(Mul, Apply(Mul, x, cubic), x)),
                Constant(1.0),
            ),
        ),
    )
    tanh = Apply(Tanh, polynomial)
    gate = Apply(Add, OneOf(erf, tanh), Constant(1.0))
    root = OneOf(
        Apply(Mul, Apply(Mul, x, gate), half),
        Apply(Mul, Apply(Mul, x, half), gate),
        Apply(Mul, x, Apply(Mul, gate, half)),
        Apply(Div, Apply(Mul, x, gate), Constant(2.0)),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        if match[self.x].type != match.root.output.type:
            return Reject("a constant broadcasts x")
        return match.emit(Gelu("none" if self.erf in match else "tanh"), match[self.x])
