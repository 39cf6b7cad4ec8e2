"""Layer normalization of a quantized tensor in integer arithmetic."""

from __future__ import annotations

import math

import numpy as np

from graphopt.ir import DType, Op, Quant, Value
from graphopt.ops import (
    Add,
    Cast,
    Decode,
    Div,
    LayerNorm,
    Max,
    Mul,
    Reduce,
    Retype,
    ShiftLeft,
    ShiftRight,
    Sqrt,
    Sub,
)
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import centered, span
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass

# Every number below stays under 2^62, so that 64 bits hold it and its rounding.
ROOM = 62
# Results stay under 2^29, so that a bias can be added in 32 bits; more than 24 bits of fraction
# would be finer than f32.
RESULT_BITS, FRACTION_BITS = 29, 24


class IntegerLayerNorm(RewritePass):
    """layer_norm(decode(x)) becomes decode of (n * x - sum) / sqrt(n * squares - sum^2 + epsilon).

    Sum and sum of squares of the n integers are exact. The root is that of integers, shifted left
    as far as 64 bits allow, as in I-BERT (arXiv 2101.01321); one division for each sum.
    """

    name = "integer-layer-norm"
    shares_inner = True
    x = AnyValue()
    root = Apply(LayerNorm, Apply(Decode, x))

    def rewrite(self, match: Match) -> Value | Reject:
        op, x = match.root.op, match[self.x]
        assert isinstance(op, LayerNorm) and x.type.quant is not None
        if not is_narrow(x.type.dtype) or x.type.quant.axis is not None:
            return Reject("expected integers of at most 16 bits with one scale")
        count = math.prod(x.type.dims[axis] for axis in op.axes)
        # The least variance beside zero that a sum of squares can be compared with.
        epsilon = op.epsilon * (count / x.type.quant.scales[0]) ** 2
        largest = (count * span(x.type)) ** 2 + epsilon
        if largest >= 2.0**ROOM:
            return Reject(f"the variance of {count} elements does not fit 64 bits")
        reach = math.ceil(math.log2(count) / 2)
        widened = (ROOM - math.ceil(math.log2(largest + 1))) // 2
        fraction = min(FRACTION_BITS, RESULT_BITS - reach)
        kept = ROOM - fraction - max(widened, reach)
        emit = _Integers(match)
        stored = match.emit(Retype(), centered(match, x, DType.I32))
        whole = match.emit(Cast(DType.I64), stored)
        squares = match.emit(Reduce("sum", op.axes, True), emit(Mul(), whole, whole))
        scaled, variance = emit(Mul(), whole, count), emit(Mul(), squares, count)
        if not op.rms:
            total = match.emit(Reduce("sum", op.axes, True), whole)
            scaled = emit(Sub(), scaled, total)
            variance = emit(Sub(), variance, emit(Mul(), total, total))
        variance = emit(ShiftLeft(), variance, 2 * widened)
        variance = emit(Add(), variance, round(epsilon * 4.0**widened))
        deviation = emit(Max(), match.emit(Sqrt(), variance), 1)
        half = emit(ShiftRight(), deviation, 1)
        reciprocal = emit(Div(), emit(Add(), half, 1 << fraction + kept + widened), deviation)
        product = emit(Add(), emit(Mul(), scaled, reciprocal), 1 << kept - 1)
        result = match.emit(Cast(DType.I32), emit(ShiftRight(), product, kept))
        quant = Quant((2.0**-fraction,))
        return match.emit(Decode(quant), match.emit(Retype(quant), result))


class _Integers:
    """Emits operators over i64, of which the second operand may be a number."""

    def __init__(self, match: Match) -> None:
        self.match = match

    def __call__(self, op: Op, a: Value, b: Value | int) -> Value:
        if isinstance(b, int):
            b = self.match.emit_constant(np.array(b, np.int64))
        return self.match.emit(op, a, b)
