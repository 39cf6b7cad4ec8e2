"""Add quantized tensors: each is rescaled by its own multiplier, the sum is rounded once."""

from __future__ import annotations

import math

import numpy as np

from graphopt.ir import Array, DType, Quant, TensorType, Value
from graphopt.ops import Add, Clip, Decode, Encode, Requantize, Sub
from graphopt.ops.dyadic import MAX_FACTOR
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import real_constant, span
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

# Each operand stays within 2^29, so that the sum of two, and its rounding, fit 32 bits.
OPERAND_BITS = 29
MAX_FRACTION_BITS = 20


class IntegerAdd(RewritePass):
    """encode(add(decode(a), decode(b))) becomes a sum on a grid 2^k times finer than the result's.

    As in HAWQ-V3 (arXiv 2011.10680, residual connections) each branch has a multiplier of its
    own; the finer grid makes rounding the branches negligible. Either may be a constant.
    """

    name = "integer-add"
    shares_inner = True
    a, b = AnyValue(), AnyValue()
    add, sub = Apply(Add, a, b), Apply(Sub, a, b)
    root = Apply(Encode, OneOf(add, sub))

    def rewrite(self, match: Match) -> Value | Reject:
        inner = match.node(self.sub if self.sub in match else self.add)
        encode = match.root.op
        assert isinstance(encode, Encode)
        if match.uses(inner.output) > 1:
            return Reject("the sum is also needed in floats")
        if encode.quant.axis is not None:
            return Reject("the result has several scales")
        operands = [_stored(match, value) for value in inner.inputs]
        constants = [real_constant(match, value) for value in inner.inputs]
        if all(stored is None for stored in operands) or any(
            stored is None and constant is None
            for stored, constant in zip(operands, constants, strict=True)
        ):
            return Reject("an operand is neither quantized nor constant")
        (step,) = encode.quant.scales
        known = [
            _largest(stored, constant, step)
            for stored, constant in zip(operands, constants, strict=True)
        ]
        bounds = [_wide_bound(encode, known) if each is None else each for each in known]
        bound = max(1.0, *bounds)
        bits = min(MAX_FRACTION_BITS, OPERAND_BITS - math.ceil(math.log2(bound)))
        if bits < 0:
            return Reject("an operand is far larger than the result can be")
        fine = Quant((step / 2**bits,))
        quants = [stored.type.quant for stored in operands if stored is not None]
        if any(
            quant is not None and max(quant.scales) >= MAX_FACTOR * fine.scales[0]
            for quant in quants
        ):
            return Reject("a step of an operand is far larger than the result can be")
        branches: list[Value] = []
        for stored, constant in zip(operands, constants, strict=True):
            if constant is not None:
                whole = np.rint(constant / fine.scales[0]).astype(np.int32)
                branches.append(match.emit_constant(whole, fine))
                continue
            assert stored is not None and stored.type.quant is not None
            branch = match.emit(Requantize(stored.type.quant, DType.I32, fine), stored)
            if not is_narrow(stored.type.dtype):
                limit = 2**OPERAND_BITS
                branch = match.emit(Clip(-limit, limit), branch)
            branches.append(branch)
        total = match.emit(inner.op, *branches)
        return match.emit(Requantize(fine, encode.dtype, encode.quant), total)


def _largest(stored: Value | None, constant: Array | None, step: float) -> float | None:
    """The largest magnitude of an operand, in steps of the result; None for sums of products."""
    if constant is not None:
        return float(np.abs(constant).max(initial=0)) / step
    assert stored is not None and stored.type.quant is not None
    if not is_narrow(stored.type.dtype):
        return None
    return span(stored.type) * max(stored.type.quant.scales) / step


def _wide_bound(encode: Encode, known: list[float | None]) -> float:
    """Where sums of products may be clipped, in steps of the result.

    Next to an operand of known magnitude, further sums saturate the result for certain. Of two
    sums, each gets half of the spare bits to go beyond the result's range.
    """
    other = max((each for each in known if each is not None), default=None)
    if other is None:
        return float(2 ** ((OPERAND_BITS + encode.dtype.bits) // 2))
    return span(TensorType(encode.dtype, (), encode.quant)) + 1 + other


def _stored(match: Match, value: Value) -> Value | None:
    """The integers of which `value` is decoded; None for constants and floats."""
    producer = match.producer(value)
    if producer is None or not isinstance(producer.op, Decode):
        return None
    stored = producer.inputs[0]
    return None if match.constant(stored) is not None else stored
