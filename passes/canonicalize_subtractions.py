"""Write the subtraction of a constant as an addition."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Add, Sub
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class CanonicalizeSubtractions(RewritePass):
    """x - c becomes x + -c, for floats."""

    name = "canonicalize-subtractions"
    x, c = AnyValue(), Constant()
    root = Apply(Sub, x, c)

    def rewrite(self, match: Match) -> Value | Reject:
        if not match[self.x].type.dtype.is_float:
            return Reject("the subtraction of integers is as simple as the addition")
        constant = match.constant(self.c)
        assert constant is not None
        return match.emit(Add(), match[self.x], match.emit_constant(np.negative(constant)))
