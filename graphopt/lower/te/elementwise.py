"""Elementwise operators, and the conversions between floats and quantized integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.ir import DType, Op, TensorType
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.tensor import Expr, Index, Program, Tensor, broadcast, pointwise
from graphopt.ops.quantization import integer_range

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter

Inputs = tuple[Tensor, ...]
Types = tuple[TensorType, ...]


def elementwise(p: Program, op: Op, inputs: Inputs, outputs: Types) -> Inputs:
    """One element of each input makes one element of the output."""
    check_computes(*(t.dtype for t in inputs), *(t.dtype for t in outputs))
    (result,) = outputs
    inputs = tuple(t if t.shape == result.dims else p.stored(t) for t in inputs)
    reads = [broadcast(t, result.dims) for t in inputs]

    def at(e: Emitter, index: Index) -> Expr:
        value = e.apply(op, *(read(e, index) for read in reads))
        return e.cast(value, DType.BF16) if result.dtype is DType.BF16 else value

    return (pointwise(result, at, inputs),)


def quantize(p: Program, op: ops.Quantize, inputs: Inputs, outputs: Types) -> Inputs:
    """saturate(round(x / scale) + zero_point)"""
    x, scale, zero_point = inputs
    (result,) = outputs
    check_computes(x.dtype, scale.dtype, result.dtype)
    # Past 16 bits, f32 can no longer tell neighbouring integers apart.
    exact = DType.F64 if x.dtype is DType.F64 or result.dtype.itemsize > 2 else DType.F32
    sums = DType.I64 if exact is DType.F64 else DType.I32
    reach = 2.0**53 if exact is DType.F64 else 2.0**30
    low, high = integer_range(result.dtype)

    def at(e: Emitter, index: Index) -> Expr:
        parameter = () if op.axis is None else (index[op.axis],)
        divisor = e.cast(e.at(scale, parameter), x.dtype)
        zero = e.cast(e.at(zero_point, parameter), sums)
        ratio = e.cast(e.apply(ops.Div(), e.at(x, index), divisor), exact)
        rounded = e.apply(ops.Clip(-reach, reach), e.apply(ops.Round(), ratio))
        total = e.apply(ops.Add(), e.cast(rounded, sums), zero)
        return e.cast(e.apply(ops.Clip(low, high), total), result.dtype)

    return (pointwise(result, at, (x,)),)


def dequantize(p: Program, op: ops.Dequantize, inputs: Inputs, outputs: Types) -> Inputs:
    """scale * (x - zero_point), in f32."""
    x, scale, zero_point = inputs
    (result,) = outputs
    check_computes(x.dtype, scale.dtype)
    exact = DType.I32 if x.dtype.itemsize <= 2 else DType.I64

    def at(e: Emitter, index: Index) -> Expr:
        parameter = () if op.axis is None else (index[op.axis],)
        zero = e.cast(e.at(zero_point, parameter), exact)
        shifted = e.apply(ops.Sub(), e.cast(e.at(x, index), exact), zero)
        factor = e.cast(e.at(scale, parameter), DType.F32)
        return e.cast(e.apply(ops.Mul(), e.cast(shifted, DType.F32), factor), result.dtype)

    return (pointwise(result, at, (x,)),)


def lookup(p: Program, op: ops.Lookup, inputs: Inputs, outputs: Types) -> Inputs:
    """table[x - lowest]"""
    x, table = inputs
    (result,) = outputs
    low, _ = integer_range(x.dtype)

    def at(e: Emitter, index: Index) -> Expr:
        position = e.cast(e.at(x, index), DType.I32)
        return e.at(table, (e.apply(ops.Sub(), position, e.const(low, DType.I32)),))

    return (pointwise(result, at, (x,)),)
