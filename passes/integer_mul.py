"""Multiply quantized tensors as the integers they are."""

from __future__ import annotations

import numpy as np

from graphopt.analysis.axes import padded
from graphopt.ir import DType, Quant, Value
from graphopt.ops import Decode, Mul, Retype
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import centered, wider
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class IntegerMul(RewritePass):
    """mul(decode(a), decode(b)) becomes decode(mul(a, b)), exactly; the scales are multiplied.

    A constant factor, or one for each index of an axis, changes the scale, and turns the integers
    where it is negative.
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
        x, factor = match[self.a], match.constant(self.factor)
        assert factor is not None
        if match.root.output.type.shape != x.type.shape:
            return Reject("the factor enlarges x")
        if not np.isfinite(factor).all():
            return Reject("the factor is not finite")
        axes = [i for i, d in enumerate(padded(factor.shape, x.type.rank)) if d > 1]
        if len(axes) > 1 or (axes and quant.axis not in (None, axes[0])):
            return Reject("the factor changes along another axis than the scales")
        axis = axes[0] if axes else quant.axis
        factors = factor.reshape(-1).astype(np.float64)
        scales = np.array(quant.scales) * np.where(factors == 0, 1.0, np.abs(factors))
        stored = x
        if (factors <= 0).any():
            # What the scale cannot say, the integers do.
            dtype = wider(x.type.dtype) if is_narrow(x.type.dtype) else x.type.dtype
            if not (is_narrow(x.type.dtype) or quant.centered):
                return Reject("integers of 32 bits have a zero point")
            plain = match.emit(Retype(), centered(match, x, dtype))
            signs = np.sign(factor).astype(dtype.numpy)
            stored = match.emit(Mul(), plain, match.emit_constant(signs))
        points = np.array(quant.zero_points if stored is x else (0,))
        target = Quant.of(scales, points, axis)
        return match.emit(Decode(target), match.emit(Retype(target), stored))
