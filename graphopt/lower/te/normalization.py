"""Softmax and the normalizations over axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.ir import DType, Op
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.reduction import folded
from graphopt.lower.te.tensor import (
    Expr,
    Index,
    Program,
    Tensor,
    broadcast,
    cast_of,
    pointwise,
    wide,
)
from graphopt.ops.dyadic import FRACTION_BITS
from graphopt.ops.integer_softmax import SHARE_BITS
from graphopt.ops.quantization import integer_range

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter


def _combined(op: Op, *inputs: Tensor) -> Tensor:
    """An elementwise operator on tensors that broadcast to the first."""
    first = inputs[0]
    reads = [broadcast(t, first.shape) for t in inputs]

    def at(e: Emitter, index: Index) -> Expr:
        return e.apply(op, *(read(e, index) for read in reads))

    return Tensor(first.dtype, first.shape, at)


def _scaled(x: Tensor, factor: float, offset: float = 0.0) -> Tensor:
    def at(e: Emitter, index: Index) -> Expr:
        product = e.apply(ops.Mul(), e.at(x, index), e.const(factor, x.dtype))
        return e.apply(ops.Add(), product, e.const(offset, x.dtype))

    return Tensor(x.dtype, x.shape, at)


def softmax(p: Program, op: ops.Softmax, inputs: Inputs, outputs: Types) -> Inputs:
    check_computes(inputs[0].dtype)
    x = cast_of(p.stored(inputs[0]), wide(inputs[0].dtype))
    axes = (op.axis,)
    top = p.compute(folded(x, axes, ops.Max(), -math.inf))
    shifted = _combined(ops.Sub(), x, top)
    powers: Tensor = _combined(ops.Exp(), shifted)
    if not op.log:
        powers = p.compute(powers)
    total = p.compute(folded(powers, axes, ops.Add(), 0))
    if op.log:
        y = _combined(ops.Sub(), shifted, p.compute(_combined(ops.Log(), total)))
    else:
        y = _combined(ops.Mul(), powers, p.compute(_combined(ops.Reciprocal(), total)))
    return (cast_of(y, inputs[0].dtype),)


def integer_softmax(p: Program, op: ops.IntegerSoftmax, inputs: Inputs, outputs: Types) -> Inputs:
    x, table = p.stored(inputs[0]), inputs[1]
    (result,) = outputs
    axes = (op.axis,)
    lowest = integer_range(x.dtype)[0]
    top = broadcast(p.compute(folded(x, axes, ops.Max(), lowest)), x.shape)

    def power(e: Emitter, index: Index) -> Expr:
        largest, value = (e.cast(v, DType.I32) for v in (top(e, index), e.at(x, index)))
        return e.at(table, (e.apply(ops.Sub(), largest, value),))

    powers = p.compute(pointwise(result, power, (x,)))
    total = p.compute(folded(cast_of(powers, DType.I64), axes, ops.Add(), 0))

    def reciprocal(e: Emitter, index: Index) -> Expr:
        whole = e.at(total, index)
        half = e.apply(ops.ShiftRight(), whole, e.const(1, DType.I64))
        one = e.const(1 << FRACTION_BITS + SHARE_BITS, DType.I64)
        return e.cast(e.apply(ops.Div(), e.apply(ops.Add(), half, one), whole), DType.I32)

    factors = p.compute(Tensor(DType.I32, total.shape, reciprocal))
    factor = broadcast(factors, x.shape)

    def share(e: Emitter, index: Index) -> Expr:
        zero = e.const(0, DType.I32)
        return e.apply(ops.Rescale(), e.at(powers, index), factor(e, index), zero)

    return (pointwise(result, share, (powers,)),)


def layer_norm(p: Program, op: ops.LayerNorm, inputs: Inputs, outputs: Types) -> Inputs:
    check_computes(inputs[0].dtype)
    x = cast_of(p.stored(inputs[0]), wide(inputs[0].dtype))
    count = max(1, math.prod(x.shape[a] for a in op.axes))
    centred = x
    if not op.rms:
        mean = _scaled(p.compute(folded(x, op.axes, ops.Add(), 0)), 1 / count)
        centred = _combined(ops.Sub(), x, mean)
    squares = _combined(ops.Mul(), centred, centred)
    total = p.compute(folded(squares, op.axes, ops.Add(), 0))
    variance = _scaled(total, 1 / count, op.epsilon)
    scale = p.compute(_combined(ops.Reciprocal(), _combined(ops.Sqrt(), variance)))
    return (cast_of(_combined(ops.Mul(), centred, scale), inputs[0].dtype),)
