"""Sum the products of quantized tensors as the integers they are."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array, DType, Op, Quant, TensorType, Value
from graphopt.ops import Conv, Decode, MatMul, Requantize
from graphopt.ops.products import is_narrow
from graphopt.ops.quantization import integer_range
from graphopt.ops.quantized import laid_out
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

ACCUMULATOR_LIMIT = 2**31


class IntegerProducts(RewritePass):
    """conv(decode(x), decode(w), b) becomes decode(conv(x, w, b / scale)); matmul likewise.

    The sums are exact; the bias is rounded to their scale. Zero points that are not zero are
    taken off before, so that padding with zeros stays right.
    """

    name = "integer-products"
    shares_inner = True
    x, w = AnyValue(), AnyValue()
    real_x, real_w = Apply(Decode, x), Apply(Decode, w)
    root = OneOf(Apply(Conv, real_x, real_w, ...), Apply(MatMul, real_x, real_w))

    def rewrite(self, match: Match) -> Value | Reject:
        op, node = match.root.op, match.root
        x, w = match[self.x], match[self.w]
        if not (is_narrow(x.type.dtype) and is_narrow(w.type.dtype)):
            return Reject("an operand has more than 16 bits")
        assert x.type.quant is not None and w.type.quant is not None
        if x.type.quant.axis is not None:
            return Reject("the scales of x differ within a sum")
        if w.type.quant.axis not in (None, output_axis(op, w.type.rank)):
            return Reject("the weights have scales along another axis than their outputs")
        left, right = centered(match, x), centered(match, w)
        if not (is_narrow(left.type.dtype) and is_narrow(right.type.dtype)):
            return Reject("an operand of 16 bits has a zero point")
        (sums,) = op.infer(left.type, right.type)
        assert sums.quant is not None
        limit = _largest_sum(match, op, x.type, right)
        inputs = [left, right]
        if len(node.inputs) == 3:
            bias = real_constant(match, node.inputs[2])
            if bias is None:
                return Reject("the bias is computed")
            steps = np.rint(bias / np.array(sums.quant.scales))
            limit += float(np.abs(steps).max(initial=0))
            quant = sums.quant if sums.quant.axis is None else sums.quant.along(0)
            inputs.append(match.emit_constant(steps.astype(np.int32), quant))
        if limit >= ACCUMULATOR_LIMIT:
            return Reject(f"sums of up to {limit:.3g} do not fit 32 bits")
        return match.emit(Decode(sums.quant), match.emit(op, *inputs))


def output_axis(op: Op, rank: int) -> int:
    """The dimension of the weights of a product that counts outputs."""
    if isinstance(op, Conv):
        return 0
    return rank - 2 if isinstance(op, MatMul) and op.transpose_b else rank - 1


def centered(match: Match, x: Value, dtype: DType | None = None) -> Value:
    """x with its zero point taken off, in `dtype` or the smallest type that holds it."""
    quant = x.type.quant
    assert quant is not None
    target = Quant(quant.scales, axis=quant.axis)
    array = match.constant(x)
    if array is None:
        wide = dtype or (x.type.dtype if quant.centered else wider(x.type.dtype))
        if quant.centered and wide is x.type.dtype:
            return x
        return match.emit(Requantize(quant, wide, target), x)
    points = laid_out(quant.zero_points, quant, array.ndim).astype(np.int64)
    whole = array.astype(np.int64) - points
    if dtype is None:
        dtype = x.type.dtype if quant.centered else _smallest(whole)
    return match.emit_constant(whole.astype(dtype.numpy), target)


def wider(dtype: DType) -> DType:
    """The signed type that holds any integer of `dtype` less any other."""
    return DType.I16 if dtype.bits <= 8 else DType.I32


def _smallest(array: Array) -> DType:
    for dtype in (DType.I8, DType.I16):
        low, high = integer_range(dtype)
        if low <= array.min(initial=0) and array.max(initial=0) <= high:
            return dtype
    return DType.I32


def span(type: TensorType) -> float:
    """The largest magnitude of a stored number of this type less its zero point."""
    assert type.quant is not None
    low, high = integer_range(type.dtype)
    return float(max(max(high - z, z - low) for z in type.quant.zero_points))


def real_constant(match: Match, value: Value) -> Array | None:
    """What a constant stands for, in f64; None for what is computed."""
    array = match.constant(value)
    if array is not None:
        return array.astype(np.float64) if DType.of(array).is_float else None
    producer = match.producer(value)
    if producer is None or not isinstance(producer.op, Decode):
        return None
    array, quant = match.constant(producer.inputs[0]), producer.op.quant
    if array is None:
        return None
    points = laid_out(quant.zero_points, quant, array.ndim)
    return np.asarray(
        (array.astype(np.float64) - points) * laid_out(quant.scales, quant, array.ndim)
    )


def _largest_sum(match: Match, op: Op, x: TensorType, w: Value) -> float:
    """The largest magnitude that a sum can reach, over any input."""
    weights = match.constant(w)
    terms = tuple(range(1, w.type.rank))
    if isinstance(op, MatMul):
        terms = (w.type.rank - 1 if op.transpose_b else w.type.rank - 2,)
    if weights is not None:
        return span(x) * float(np.abs(weights.astype(np.int64)).sum(axis=terms).max(initial=0))
    count = int(np.prod([w.type.dims[axis] for axis in terms]))
    return span(x) * span(w.type) * count
