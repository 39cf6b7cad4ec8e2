"""Sums of products of small integers, exact in whichever type computes them fastest."""

from __future__ import annotations

import numpy as np

from graphopt.frontend.compose import Compose
from graphopt.ir import Array, DType, Op, Value
from graphopt.ops import Conv
from graphopt.ops.quantization import integer_range

# Every integer up to this is an f32, so sums that stay below it are exact in any order.
EXACT_F32 = 1 << 24


def largest_offset(dtype: DType, zero_point: Array | None) -> int:
    """The largest |x - zero point| for any x of the dtype; `zero_point` None: any, too."""
    low, high = integer_range(dtype)
    if zero_point is None:
        return high - low
    zeros = zero_point.astype(np.int64)
    return int(max(np.max(zeros - low), np.max(high - zeros)))


def sum_of_products(
    c: Compose,
    op: Op,
    x: Value,
    x_zero: Value | None,
    w: Value,
    w_zero: Value | None,
    terms: tuple[int, ...],
    bias: Value | None = None,
) -> Value:
    """`op` (a convolution or product) over x - x_zero and w - w_zero, exactly.

    Args:
        x_zero, w_zero: zero points, shaped to broadcast; None for zero.
        terms: the axes of w that one output element sums over.
        bias: i32, added to the result; broadcasts to it.

    Returns:
        f32 when no partial sum can leave the integers that f32 holds, which runs on the float
        kernels; else i32, where sums wrap as ONNX has them.
    """
    limit = largest_offset(x.type.dtype, _array(c, x_zero)) * _largest_sum(c, w, w_zero, terms)
    if bias is not None:
        known = c.builder.array(bias)
        limit += EXACT_F32 if known is None else int(np.abs(known.astype(np.int64)).max(initial=0))
    dtype = DType.F32 if limit < EXACT_F32 else DType.I32
    operands = (_shifted(c, x, x_zero, dtype), _shifted(c, w, w_zero, dtype))
    if bias is None:
        return c.apply(op, *operands)
    wide = c.cast(bias, dtype)
    if isinstance(op, Conv) and dtype is DType.F32:
        return c.apply(op, *operands, c.reshape(wide, (wide.type.elements,)))
    return c.add(c.apply(op, *operands), wide)


def _array(c: Compose, zero: Value | None) -> Array | None:
    return np.zeros(1, np.int64) if zero is None else c.builder.array(zero)


def _largest_sum(c: Compose, w: Value, w_zero: Value | None, terms: tuple[int, ...]) -> int:
    """The largest sum of |w - w_zero| over the terms of an output element."""
    weights, zeros = c.builder.array(w), _array(c, w_zero)
    if weights is None or zeros is None:
        count = int(np.prod([w.type.dims[axis] for axis in terms]))
        return count * largest_offset(w.type.dtype, zeros)
    sums = np.abs(weights.astype(np.int64) - zeros.astype(np.int64)).sum(axis=terms)
    return int(np.max(sums, initial=0))


def _shifted(c: Compose, x: Value, zero: Value | None, dtype: DType) -> Value:
    wide = c.cast(x, dtype)
    array = _array(c, zero)
    if zero is None or (array is not None and not array.any()):
        return wide
    return c.sub(wide, c.cast(zero, dtype))
