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
from graphopt.ops import (
    IntegerSoftmax as IntegerSoftmaxOp,
)
from graphopt.ops.dyadic import FRACTION_BITS
from graphopt.ops.integer_softmax import ONE_BITS, SHARE_BITS
from graphopt.ops.products import is_narrow
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass

BYTE = 8


class IntegerSoftmax(RewritePass):
    """encode(softmax(decode(x))) becomes requantized shares, which a table of exp gives.

    For 16 bits, maximum, sum and reciprocal are operators of their own, and two tables of a byte
    each give the factors of exp(scale * (x - max)). The only division is one for each sum, as in
    I-BERT (arXiv 2101.01321). Before they are requantized, the shares are off by 2^-24 at most.
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
        scale = quant.scales[0]
        shares = (
            match.emit(
                IntegerSoftmaxOp(softmax.axis), match.emit(Retype(), x), _table(match, scale)
            )
            if x.type.dtype.bits <= BYTE
            else self._of_words(match, x, scale, softmax.axis)
        )
        fine = Quant((2.0**-SHARE_BITS,))
        typed = match.emit(Retype(fine), shares)
        return match.emit(Requantize(fine, encode.dtype, encode.quant), typed)

    def _of_words(self, match: Match, x: Value, scale: float, axis: int) -> Value:
        """The shares for 16 bits, whose powers are products of two, in steps of 2^-28."""
        stored = match.emit(Retype(), x)
        largest = match.emit(Reduce("max", (axis,), True), stored)
        wide = match.emit(Cast(DType.I32), largest), match.emit(Cast(DType.I32), stored)
        below = match.emit(Sub(), *wide)
        high = match.emit(ShiftRight(), below, match.emit_constant(np.array(BYTE, np.int32)))
        low = match.emit(BitwiseAnd(), below, match.emit_constant(np.array(255, np.int32)))
        factors = (_power(match, high, scale * 2**BYTE), _power(match, low, scale))
        zero = match.emit_constant(np.array(0, np.int32))
        powers = match.emit(Rescale(), *factors, zero)
        total = match.emit(Reduce("sum", (axis,), True), match.emit(Cast(DType.I64), powers))
        one = match.emit_constant(np.array(1 << FRACTION_BITS + SHARE_BITS, np.int64))
        half = match.emit(ShiftRight(), total, match.emit_constant(np.array(1, np.int64)))
        reciprocal = match.emit(Div(), match.emit(Add(), half, one), total)
        return match.emit(Rescale(), powers, match.emit(Cast(DType.I32), reciprocal), zero)


def _power(match: Match, below: Value, scale: float) -> Value:
    """exp(-scale * below) for integers from 0 to 255, in steps of 2^-30."""
    return match.emit(Lookup(), match.emit(Cast(DType.U8), below), _table(match, scale))


def _table(match: Match, scale: float) -> Value:
    exact = np.exp(-scale * np.arange(2**BYTE)) * 2**ONE_BITS
    return match.emit_constant(np.rint(exact).astype(np.int32))
