"""QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import numpy as np

from graphopt import ops
from graphopt.frontend.builder import Operand
from graphopt.frontend.call import Call, Import
from graphopt.frontend.fallback import keep
from graphopt.ir import DType, Value


def quantize_linear(call: Call) -> Value | tuple[Operand, ...]:
    """QuantizeLinear; to 8-bit floats, or with blocks of scales, it stays an `OnnxOp`."""
    x, scale, zero = call.input(0), call.input(1), call.optional(2)
    code = call.integer("output_dtype", 0)
    dtype = call.element_type("output_dtype") if code else DType.U8
    dtype = zero.type.dtype if zero is not None else dtype
    if dtype.is_float or call.integer("block_size", 0):
        return keep(call)
    if zero is None:
        zero = call.constant(np.zeros(scale.type.dims), dtype.numpy)
    if not x.type.dtype.is_float:
        x = call.emit(ops.Cast(scale.type.dtype), x)
    axis, scale, zero = _parameters(call, x, scale, zero)
    return call.emit(ops.Quantize(axis), x, scale, zero)


def dequantize_linear(call: Call) -> Value | tuple[Operand, ...]:
    """DequantizeLinear; with blocks of scales it stays an `OnnxOp`."""
    x, scale, zero = call.input(0), call.input(1), call.optional(2)
    wanted = call.element_type("output_dtype") if call.integer("output_dtype", 0) else None
    if call.integer("block_size", 0) or (wanted is not None and wanted is not scale.type.dtype):
        return keep(call)
    if zero is None:
        zero = call.constant(np.zeros(scale.type.dims), x.type.dtype.numpy)
    axis, scale, zero = _parameters(call, x, scale, zero)
    return call.emit(ops.Dequantize(axis), x, scale, zero)


def _parameters(call: Call, x: Value, scale: Value, zero: Value) -> tuple[int | None, Value, Value]:
    """The axis of the scales, None for a single one, and scale and zero point of fitting shape."""
    if scale.type.rank == 0 or (scale.type.dims == (1,) and _is_single(call, x)):
        single = [call.emit(ops.Reshape(()), p) if p.type.rank else p for p in (scale, zero)]
        return None, single[0], single[1]
    return call.axis(call.integer("axis", 1), x.type.rank), scale, zero


def _is_single(call: Call, x: Value) -> bool:
    """Whether one scale in a vector serves all of x, rather than an axis of size 1."""
    axis = call.integer("axis", 1)
    return not -x.type.rank <= axis < x.type.rank or x.type.dims[axis] != 1 or x.type.rank < 2


IMPORTERS: dict[str, Import] = {
    "DequantizeLinear": dequantize_linear,
    "QuantizeLinear": quantize_linear,
}
