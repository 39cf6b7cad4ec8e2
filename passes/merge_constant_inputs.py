"""Make one constant of two that are added, or multiplied, one after the other."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Add, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class MergeConstantInputs(RewritePass):
    """(x + a) + b becomes x + (a + b), and (x * a) * b becomes x * (a * b), for floats."""

    name = "merge-constant-inputs"
    x, a, b = AnyValue(), Constant(), Constant()
    root = OneOf(Apply(Add, Apply(Add, x, a), b), Apply(Mul, Apply(Mul, x, a), b))

    def rewrite(self, match: Match) -> Value | Reject:
        a, b = match.constant(self.a), match.constant(self.b)
        assert a is not None and b is not None
        if not match[self.x].type.dtype.is_float:
            return Reject("integers could overflow elsewhere")
        op = match.root.op
        with np.errstate(over="ignore"):
            merged = np.asarray(a + b if isinstance(op, Add) else a * b)
        if merged.size > max(a.size, b.size):
            return Reject("the constants vary along different axes")
        if not np.isfinite(merged.astype(np.float64)).all():
            return Reject("the constant would not be finite")
        return match.emit(op, match[self.x], match.emit_constant(merged))
