"""Scale the smaller side of a matrix product."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import MatMul, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class HoistMatmulScale(RewritePass):
    """(a @ b) * s becomes (a * s) @ b for one number s, if a is no larger than the product.

    This is how the scale of attention scores reaches the weights of the query.
    """

    name = "hoist-matmul-scale"
    a, b, scale = AnyValue(), AnyValue(), Constant()
    matmul = Apply(MatMul, a, b)
    root = Apply(Mul, matmul, scale)

    def rewrite(self, match: Match) -> Value | Reject:
        a, product = match[self.a], match[self.matmul]
        scale = match.constant(self.scale)
        assert scale is not None
        if scale.size != 1 or scale.ndim > product.type.rank:
            return Reject("the factor is not one number")
        if match.constant(self.b) is not None:
            return Reject("the weights can absorb the factor")
        if a.type.elements > product.type.elements:
            return Reject("the product is smaller than its left side")
        factor = match.emit_constant(np.asarray(scale.reshape(())))
        return match.emit(match.op(self.matmul), match.emit(Mul(), a, factor), match[self.b])
