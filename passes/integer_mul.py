"""Multiply quantized tensors as the integers they are."""

from __future__ import annotations

import numpy as np

from graphopt.ir import DType, Quant, Value
from graphopt.ops import Decode, Mul, Retype
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import centered
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class IntegerMul(RewritePass):
    """mul(decode(a), decode(b)) becomes decode(mul(a, b)), exactly; the scales are multiplied.

    A positive constant factor changes nothing but the scale.
    """

    name = "integer-mul"
    shares_inner = True
    a, b = AnyValue(), AnyValue()
    factor = Constant()
    real_a, real_b = Apply(Decode, a), Apply(Decode, b)
    both = Apply(Mul, real_a, real_b)
    scaled = Apply(Mul, real_a, factor)
    root = OneOf(both, scaled)

    def rewrite(self, match: Match) -> Value | Reject:
        quant = match.op(self.real_a).quant
        if self.scaled in match:
            return self._scaled(match, quant)
        values = [match[self.a], match[self.b]]
        if any(not is_narrow(v.type.dtype) for v in values):
            return Reject("an operand has more than 16 bits")
        if quant.axis is not None or match.op(self.real_b).quant.axis is not None:
            return Reject("an operand has several scales")
        product = match.emit(Mul(), *(centered(match, value, DType.I32) for value in values))
        assert product.type.quant is not None
        return match.emit(Decode(product.type.quant), product)

    def _scaled(self, match: Match, quant: Quant) -> Value | Reject:
        factor = match.constant(self.factor)
        assert factor is not None
        if factor.size != 1 or match.root.output.type.shape != match[self.a].type.shape:
            return Reject("the factor is more than one number")
        number = float(factor.reshape(-1)[0])
        if not 0 < number < np.inf:
            return Reject("the factor is not positive")
        scales = tuple(scale * number for scale in quant.scales)
        target = Quant(scales, quant.zero_points, quant.axis)
        return match.emit(Decode(target), match.emit(Retype(target), match[self.a]))
