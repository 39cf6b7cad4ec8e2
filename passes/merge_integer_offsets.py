"""Add two constants to integers at once."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Add
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class MergeIntegerOffsets(RewritePass):
    """(x + a) + b becomes x + (a + b), for constants a and b. Exact, as integers wrap."""

    name = "merge-integer-offsets"
    x, a, b = AnyValue(), Constant(), Constant()
    inner = Apply(Add, x, a)
    root = Apply(Add, inner, b)

    def rewrite(self, match: Match) -> Value | Reject:
        a, b = match.constant(self.a), match.constant(self.b)
        assert a is not None and b is not None
        x = match[self.x]
        if not x.type.dtype.is_integer:
            return Reject("floats would round differently")
        with np.errstate(over="ignore"):
            total = np.asarray(a + b)
        if np.broadcast_shapes(total.shape, x.type.dims) != x.type.dims:
            return Reject("adding enlarges x")
        return match.emit(Add(), x, match.emit_constant(total))
