"""Write one divided by x as what it is."""

from graphopt.ir import Value
from graphopt.ops import Div, Reciprocal
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class CanonicalizeReciprocals(RewritePass):
    """1 / x becomes reciprocal(x)."""

    name = "canonicalize-reciprocals"
    x = AnyValue()
    root = Apply(Div, Constant(1.0), x)

    def rewrite(self, match: Match) -> Value | Reject:
        x = match[self.x]
        if x.type != match.root.output.type:
            return Reject("the one broadcasts x")
        if not x.type.dtype.is_float:
            return Reject("the division is of integers")
        return match.emit(Reciprocal(), x)
