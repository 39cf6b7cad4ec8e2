"""Resampling of grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.tensor import Expr, Index, Program, Tensor, cast_of
from graphopt.ops.quantization import integer_range

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter


def resize(p: Program, op: ops.Resize, inputs: Inputs, outputs: Types) -> Inputs:
    """One axis after the other, by tables of taps and weights."""
    x = p.stored(inputs[0])
    (result,) = outputs
    if op.mode == "nearest":
        y = x
    else:
        check_computes(x.dtype)
        y = cast_of(x, DType.F64 if x.dtype in (DType.F64, DType.I64, DType.U64) else DType.F32)
    outside: dict[int, Tensor] = {}
    for axis, size in enumerate(x.shape):
        if size == op.shape[axis] and op.scales[axis] == 1 and not op.roi:
            continue
        taps = op.taps(axis, size)
        index = p.table(taps.index.astype(np.int32))
        if op.mode == "nearest":
            y = _picked(y, axis, index)
        else:
            y = p.compute(_weighted(y, axis, index, p.table(taps.weights.astype(y.dtype.numpy))))
        if taps.outside.any():
            outside[axis] = p.table(taps.outside)
    if outside:
        y = _extrapolated(y, outside, op.extrapolation)
    if op.mode != "nearest" and x.dtype.is_integer:
        y = _rounded(y, x.dtype)
    return (cast_of(y, result.dtype),)


def _resized(x: Tensor, axis: int, size: int) -> tuple[int, ...]:
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def _picked(x: Tensor, axis: int, index: Tensor) -> Tensor:
    def at(e: Emitter, i: Index) -> Expr:
        return e.at(x, (*i[:axis], e.at(index, (i[axis], 0)), *i[axis + 1 :]))

    return Tensor(x.dtype, _resized(x, axis, index.shape[0]), at)


def _weighted(x: Tensor, axis: int, index: Tensor, weights: Tensor) -> Tensor:
    def at(e: Emitter, i: Index) -> Expr:
        total = e.const(0, x.dtype)
        for tap in range(index.shape[1]):
            source = e.at(index, (i[axis], tap))
            element = e.at(x, (*i[:axis], source, *i[axis + 1 :]))
            total = e.apply(
                ops.Add(), total, e.apply(ops.Mul(), element, e.at(weights, (i[axis], tap)))
            )
        return total

    return Tensor(x.dtype, _resized(x, axis, index.shape[0]), at)


def _extrapolated(x: Tensor, outside: dict[int, Tensor], value: float) -> Tensor:
    def at(e: Emitter, i: Index) -> Expr:
        result = e.at(x, i)
        for axis, table in outside.items():
            result = e.select(e.at(table, (i[axis],)), e.const(value, x.dtype), result)
        return result

    return Tensor(x.dtype, x.shape, at)


def _rounded(x: Tensor, dtype: DType) -> Tensor:
    low, high = integer_range(dtype)

    def at(e: Emitter, i: Index) -> Expr:
        return e.apply(ops.Clip(low, high), e.apply(ops.Round(), e.at(x, i)))

    return Tensor(x.dtype, x.shape, at)
