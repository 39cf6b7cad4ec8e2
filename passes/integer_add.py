"""Add quantized tensors: each is rescaled by its own multiplier, the sum is rounded once."""

from __future__ import annotations

import math

import numpy as np

from graphopt.ir import DType, Quant, Value
from graphopt.ops import Add, Clip, Decode, Encode, Requantize, Sub
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import real_constant, span
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

# Each operand stays below 2^29, so that the sum of two, and its rounding, fit 32 bits.
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
        largest = [1.0]
        for stored, constant in zip(operands, constants, strict=True):
            if constant is not None:
                largest.append(float(np.abs(constant).max(initial=0)) / step)
            elif stored is not None and is_narrow(stored.type.dtype):
                assert stored.type.quant is not None
                largest.append(span(stored.type) * max(stored.type.quant.scales) / step)
        bits = min(MAX_FRACTION_BITS, OPERAND_BITS - math.ceil(math.log2(max(largest))) - 1)
        if bits < 0:
            return Reject("an operand is far larger than the result can be")
        fine = Quant((step / 2**bits,))
        branches: list[Value] = []
        for stored, constant in zip(operands, constants, strict=True):
            if constant is not None:
                whole = np.rint(constant / fine.scales[0]).astype(np.int32)
                branches.append(match.emit_constant(whole, fine))
                continue
            assert stored is not None and stored.type.quant is not None
            branch = match.emit(Requantize(stored.type.quant, DType.I32, fine), stored)
            if not is_narrow(stored.type.dtype):
                bound = float(2**OPERAND_BITS)
                branch = match.emit(Clip(-bound, bound), branch)
            branches.append(branch)
        total = match.emit(inner.op, *branches)
        return match.emit(Requantize(fine, encode.dtype, encode.quant), total)


def _stored(match: Match, value: Value) -> Value | None:
    """The integers of which `value` is decoded; None for constants and floats."""
    producer = match.producer(value)
    if producer is None or not isinstance(producer.op, Decode):
        return None
    stored = producer.inputs[0]
    return None if match.constant(stored) is not None else stored
