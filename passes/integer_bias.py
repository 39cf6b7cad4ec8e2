"""Add constants to sums of products as integers on the scale of the sums."""

import numpy as np

from graphopt.analysis.axes import padded
from graphopt.ir import DType, Value
from graphopt.ops import Add, Decode
from graphopt.ops.quantized import laid_out
from graphopt.passes.integer_products import ACCUMULATOR_LIMIT, real_constant
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class IntegerBias(RewritePass):
    """add(decode(sums), b) becomes decode(add(sums, b / scale)), for constants b.

    The constants are rounded to the scale of the sums, which is far finer than any result's.
    """

    name = "integer-bias"
    shares_inner = True
    sums, bias = AnyValue(), AnyValue()
    real = Apply(Decode, sums)
    root = Apply(Add, real, bias)

    def rewrite(self, match: Match) -> Value | Reject:
        sums, quant = match[self.sums], match.op(self.real).quant
        if sums.type.dtype is not DType.I32 or not quant.centered:
            return Reject("no sums of products")
        bias = real_constant(match, match[self.bias])
        if bias is None:
            return Reject("both are computed")
        if match.root.output.type.shape != sums.type.shape:
            return Reject("adding enlarges the sums")
        rank = sums.type.rank
        bias = bias.reshape(padded(bias.shape, rank))
        scale = laid_out(quant.scales, quant, rank)
        steps = np.broadcast_to(np.rint(bias / scale), np.broadcast_shapes(bias.shape, scale.shape))
        if np.abs(steps).max(initial=0) >= ACCUMULATOR_LIMIT // 2:
            return Reject("the constants do not fit 32 bits")
        shape = padded(steps.shape, rank)
        constant = match.emit_constant(steps.reshape(shape).astype(np.int32), quant)
        return match.emit(Decode(quant), match.emit(Add(), sums, constant))
