"""Sums of products of small integers."""

from __future__ import annotations

import numpy as np

from graphopt.frontend.compose import Compose
from graphopt.ir import DType, Op, Value
from graphopt.ops import Conv

# An integer of 8 bits less another fits this type.
DIFFERENCE = DType.I16


def sum_of_products(
    c: Compose,
    op: Op,
    x: Value,
    x_zero: Value | None,
    w: Value,
    w_zero: Value | None,
    bias: Value | None = None,
) -> Value:
    """`op` (a convolution or product) over x - x_zero and w - w_zero, in i32, which wraps.

    Args:
        x, w: integers of 8 bits.
        x_zero, w_zero: zero points, shaped to broadcast; None for zero.
        bias: i32: [O] for a convolution, else what broadcasts to the result.
    """
    operands = _shifted(c, x, x_zero), _shifted(c, w, w_zero)
    if bias is None:
        return c.apply(op, *operands)
    if isinstance(op, Conv):
        return c.apply(op, *operands, c.reshape(bias, (bias.type.elements,)))
    return c.add(c.apply(op, *operands), bias)


def _shifted(c: Compose, x: Value, zero: Value | None) -> Value:
    known = np.zeros(1) if zero is None else c.builder.array(zero)
    if zero is None or (known is not None and not known.any()):
        return x
    return c.sub(c.cast(x, DIFFERENCE), c.cast(zero, DIFFERENCE))
