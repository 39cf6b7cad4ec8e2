"""Leaky rectifiers of quantized tensors as two clips, a factor and a sum."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Add, Clip, Decode, LeakyRelu, Mul, PRelu
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class IntegerPrelu(RewritePass):
    """prelu(decode(x), slope) becomes decode(max(x, zero)) + slope * decode(min(x, zero)), exactly.

    So for a leaky relu. Of functions of one tensor of 8 bits integer-lookup has made tables.
    """

    name = "integer-prelu"
    shares_inner = True
    x, slope = AnyValue(), Constant()
    real = Apply(Decode, x)
    prelu, leaky = Apply(PRelu, real, slope), Apply(LeakyRelu, real)
    root = OneOf(prelu, leaky)

    def rewrite(self, match: Match) -> Value | Reject:
        x, decode = match[self.x], match.op(self.real)
        points = decode.quant.zero_points
        if len(points) > 1:
            return Reject("zero points differ along an axis")
        if match.root.output.type.shape != x.type.shape:
            return Reject("the slope enlarges x")
        if self.leaky in match:
            slope = match.emit_constant(np.array(match.op(self.leaky).alpha, np.float32))
        else:
            slope = match[self.slope]
        positive = match.emit(decode, match.emit(Clip(low=points[0]), x))
        negative = match.emit(decode, match.emit(Clip(high=points[0]), x))
        return match.emit(Add(), positive, match.emit(Mul(), negative, slope))
