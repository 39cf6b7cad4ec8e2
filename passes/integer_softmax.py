"""Softmax of a quantized tensor in integer arithmetic."""

from __future__ import annotations

import numpy as np

from graphopt.ir import DType, Quant, Value
from graphopt.ops import (
    Add,
    BitwiseAnd,
    Cast,
    Decode,
    Div,
    Encode,
    Lookup,
    Reduce,
    Requantize,
    Rescale,
    Retype,
    ShiftRight,
    Softmax,
    Sub,
)
from graphopt.ops.dyadic import FRACTION_BITS
from graphopt.ops.products import is_narrow
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass

# exp(0) in the tables; the product of two of them loses 2 bits to the law of rescaling.
ONE_BITS = 30
BYTE = 8
# Of 1 in the shares, before they are requantized to the result.
RESULT_BITS = 24


class IntegerSoftmax(RewritePass):
    """encode(softmax(decode(x))) becomes maximum, table of exp, sum, a reciprocal and a rescaling.

    A table gives exp(scale * (x - max)) in steps of 2^-30; for 16 bits, two tables of a byte each
    give its factors. The only division is one for each sum, as in I-BERT (arXiv 2101.01321).
    Before they are requantized, the shares are off by 2^-24 at most.
    """

    name = "integer-softmax"
    shares_inner = True
    x = AnyValue()
    softmax = Apply(Softmax, Apply(Decode, x))
    root = Apply(Encode, softmax)

    def rewrite(self, match: Match) -> Value | Reject:
        encode, softmax, x = match.root.op, match.op(self.softmax), match[self.x]
        quant = x.type.quant
        assert isinstance(encode, Encode) and quant is not None
        if softmax.log:
            return Reject("the logarithm of a sum has no table")
        if match.uses(match.node(self.softmax).output) > 1:
            return Reject("the softmax is also needed in floats")
        if not is_narrow(x.type.dtype) or quant.axis is not None or encode.quant.axis is not None:
            return Reject("expected integers of at most 16 bits with one scale")
        powers = self._powers(match, x, quant.scales[0], softmax.axis)
        total = match.emit(
            Reduce("sum", (softmax.axis,), True), match.emit(Cast(DType.I64), powers)
        )
        one = match.emit_constant(np.array(1 << FRACTION_BITS + RESULT_BITS, np.int64))
        half = match.emit(ShiftRight(), total, match.emit_constant(np.array(1, np.int64)))
        reciprocal = match.emit(Div(), match.emit(Add(), half, one), total)
        multiplier = match.emit(Cast(DType.I32), reciprocal)
        shares = match.emit(
            Rescale(), powers, multiplier, match.emit_constant(np.array(0, np.int32))
        )
        fine = Quant((2.0**-RESULT_BITS,))
        typed = match.emit(Retype(fine), shares)
        return match.emit(Requantize(fine, encode.dtype, encode.quant), typed)

    def _powers(self, match: Match, x: Value, scale: float, axis: int) -> Value:
        """exp(scale * (x - max)), i32, in steps of 2^-30, or 2^-28 for 16 bits."""
        stored = match.emit(Retype(), x)
        largest = match.emit(Reduce("max", (axis,), True), stored)
        wide = match.emit(Cast(DType.I32), largest), match.emit(Cast(DType.I32), stored)
        below = match.emit(Sub(), *wide)
        if x.type.dtype.bits <= BYTE:
            return _table(match, below, scale)
        high = match.emit(ShiftRight(), below, match.emit_constant(np.array(BYTE, np.int32)))
        low = match.emit(BitwiseAnd(), below, match.emit_constant(np.array(255, np.int32)))
        factors = (_table(match, high, scale * 2**BYTE), _table(match, low, scale))
        return match.emit(Rescale(), *factors, match.emit_constant(np.array(0, np.int32)))


def _table(match: Match, below: Value, scale: float) -> Value:
    """exp(-scale * below) for integers from 0 to 255, in steps of 2^-30."""
    exact = np.exp(-scale * np.arange(2**BYTE)) * 2**ONE_BITS
    table = match.emit_constant(np.rint(exact).astype(np.int32))
    return match.emit(Lookup(), match.emit(Cast(DType.U8), below), table)
