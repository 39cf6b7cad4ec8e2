"""QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import numpy as np

from graphopt import ops
from graphopt.frontend.builder import Operand
from graphopt.frontend.call import Call, Import
from graphopt.frontend.fallback import keep
from graphopt.frontend.onnx_shape import slice_axis
from graphopt.ir import DType, Value
from graphopt.ops.quantization import integer_range


def quantize_linear(call: Call) -> Value | tuple[Operand, ...]:
    """QuantizeLinear; to floats of 8 bits or less it stays an `OnnxOp`."""
    x, scale, zero = call.input(0), call.input(1), call.optional(2)
    code = call.integer("output_dtype", 0)
    dtype = call.element_type("output_dtype") if code else DType.U8
    dtype = zero.type.dtype if zero is not None else dtype
    if dtype.is_float:
        return keep(call)
    if zero is None:
        zero = call.constant(np.zeros(scale.type.dims), dtype.numpy)
    if not x.type.dtype.is_float:
        x = call.emit(ops.Cast(scale.type.dtype), x)
    if call.integer("block_size", 0):
        return _quantize_blocks(call, x, scale, zero)
    axis, scale, zero = _parameters(call, x, scale, zero)
    return call.emit(ops.Quantize(axis), x, scale, zero)


def dequantize_linear(call: Call) -> Value | tuple[Operand, ...]:
    """DequantizeLinear."""
    x, scale, zero = call.input(0), call.input(1), call.optional(2)
    wanted = call.element_type("output_dtype") if call.integer("output_dtype", 0) else None
    if wanted is not None and wanted is not scale.type.dtype:
        return keep(call)
    if zero is None:
        zero = call.constant(np.zeros(scale.type.dims), x.type.dtype.numpy)
    if call.integer("block_size", 0):
        return _dequantize_blocks(call, x, scale, zero)
    axis, scale, zero = _parameters(call, x, scale, zero)
    return call.emit(ops.Dequantize(axis), x, scale, zero)


def _parameters(call: Call, x: Value, scale: Value, zero: Value) -> tuple[int | None, Value, Value]:
    """The axis of the scales, None for a single one, and scale and zero point of fitting shape."""
    check_scale(call, x, scale)
    if zero.type.shape != scale.type.shape and not zero.type.elements == scale.type.elements == 1:
        raise call.invalid(
            f"zero point: expected the shape of the scale, {list(scale.type.dims)}, "
            f"found {list(zero.type.dims)}"
        )
    if scale.type.rank == 0 or (scale.type.dims == (1,) and _is_single(call, x)):
        single = [call.emit(ops.Reshape(()), p) if p.type.rank else p for p in (scale, zero)]
        return None, single[0], single[1]
    axis = call.axis(call.integer("axis", 1), x.type.rank)
    if scale.type.dims != (x.type.dims[axis],):
        raise call.invalid(
            f"scale: expected {x.type.dims[axis]} numbers, one for each index of axis {axis} of "
            f"{x.type}, found {list(scale.type.dims)}"
        )
    return axis, scale, zero


def check_scale(call: Call, x: Value, scale: Value) -> None:
    """Refuse scales that no quantized numbers can have.

    Constants may have scales of zero, or negative ones: converters fold factors into weights.
    """
    array = call.builder.array(scale)
    if array is None:
        return
    numbers = array.astype(np.float64).reshape(-1)
    allowed = np.isfinite(numbers)
    if call.builder.array(x) is None:
        allowed &= numbers > 0
    if not allowed.all():
        wanted = "finite" if call.builder.array(x) is not None else "positive finite"
        raise call.invalid(f"scale: expected {wanted} numbers, found {numbers[~allowed][0]:g}")


def _is_single(call: Call, x: Value) -> bool:
    """Whether one scale in a vector serves all of x, rather than an axis of size 1."""
    axis = call.integer("axis", 1)
    return not -x.type.rank <= axis < x.type.rank or x.type.dims[axis] != 1 or x.type.rank < 2


def _quantize_blocks(call: Call, x: Value, scale: Value, zero: Value) -> Value:
    """saturate(round(x / scale) + zero) where each block along the axis has its own scale."""
    dtype = zero.type.dtype
    wide = DType.F32
    ratio = call.emit(ops.Div(), x, _spread(call, scale, x))
    rounded = call.emit(ops.Round(), call.emit(ops.Cast(wide), ratio))
    offset = call.emit(ops.Cast(wide), _spread(call, zero, x))
    low, high = integer_range(dtype)
    stored = call.emit(ops.Clip(low, high), call.emit(ops.Add(), rounded, offset))
    return call.emit(ops.Cast(dtype), stored)


def _dequantize_blocks(call: Call, x: Value, scale: Value, zero: Value) -> Value:
    """scale * (x - zero) where each block along the axis has its own scale."""
    dtype = scale.type.dtype
    shifted = call.emit(
        ops.Sub(),
        call.emit(ops.Cast(dtype), x),
        call.emit(ops.Cast(dtype), _spread(call, zero, x)),
    )
    return call.emit(ops.Mul(), shifted, _spread(call, scale, x))


def _spread(call: Call, parameter: Value, x: Value) -> Value:
    """A parameter per block, repeated so that there is one per element."""
    axis, block = call.axis(call.integer("axis", 1), x.type.rank), call.integer("block_size")
    dims, size = parameter.type.dims, x.type.dims[axis]
    if parameter.type.rank != x.type.rank or dims[axis] != -(-size // block):
        raise call.invalid(f"scale: expected one per block of {block} of {x.type}, found {dims}")
    before, after = dims[: axis + 1], dims[axis + 1 :]
    column = call.emit(ops.Reshape((*before, 1, *after)), parameter)
    repeated = call.emit(ops.Expand((*before, block, *after)), column)
    flat = call.emit(ops.Reshape((*dims[:axis], dims[axis] * block, *after)), repeated)
    return flat if dims[axis] * block == size else slice_axis(call, flat, axis, 0, size)


IMPORTERS: dict[str, Import] = {
    "DequantizeLinear": dequantize_linear,
    "QuantizeLinear": quantize_linear,
}
