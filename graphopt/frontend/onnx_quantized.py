"""Operators over quantized tensors.

Where scales and zero points are constants, they become float operators between dequantization and
quantization, which the integer passes know; else integer sums, then one requantization in floats.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.integer import sum_of_products
from graphopt.frontend.onnx_quantization import check_scale
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Value
from graphopt.ops import Clip, Conv, Dequantize, Equal, MatMul, Quantize, Round
from graphopt.ops.quantization import integer_range


def matmul_integer(call: Call) -> Value:
    """MatMulInteger. Inputs: a, b, zero point of a (per row)?, zero point of b (per column)?."""
    c = Compose(call.builder)
    total = integer_product(c, call.input(0), call.optional(2), call.input(1), call.optional(3))
    return total


def integer_product(
    c: Compose,
    a: Value,
    a_zero: Value | None,
    b: Value,
    b_zero: Value | None,
    bias: Value | None = None,
) -> Value:
    """(a - a_zero) @ (b - b_zero) + bias in i32; vectors as in numpy.

    Args:
        a_zero: one number, or one per row. b_zero: one number, or one per column.
    """
    vector_a, vector_b = a.type.rank == 1, b.type.rank == 1
    a = c.unsqueeze(a, 0) if vector_a else a
    b = c.unsqueeze(b, 1) if vector_b else b
    y = sum_of_products(c, MatMul(), a, _rows(c, a_zero), b, b_zero, bias)
    dims = list(y.type.dims)
    if vector_b:
        del dims[-1]
    if vector_a:
        del dims[-1 if vector_b else -2]
    return c.reshape(y, dims)


def _rows(c: Compose, parameter: Value | None) -> Value | None:
    """A parameter of each row of a matrix, as a column; one number, as rank 0."""
    if parameter is None or parameter.type.elements == 1:
        return _scalar(c, parameter)
    return c.unsqueeze(parameter, 1) if parameter.type.rank == 1 else parameter


def _scalar(c: Compose, parameter: Value | None) -> Value | None:
    return None if parameter is None else c.reshape(parameter, ())


def qlinear_matmul(call: Call) -> Value:
    """QLinearMatMul. Inputs: a, scale, zero point, b, scale, zero point, y scale, y zero point."""
    c = Compose(call.builder)
    a, b = call.input(0), call.input(3)
    single = all(call.input(index).type.elements == 1 for index in (1, 2, 6, 7))
    if is_known(call, (1, 2, 4, 5, 6, 7)) and single and min(a.type.rank, b.type.rank) >= 2:
        real = dequantized(call, 0), dequantized(call, 3, b.type.rank - 1)
        return quantized(call, c.apply(MatMul(), *real), 6)
    total = integer_product(c, a, call.input(2), b, call.input(5))
    a_scale, y_scale, y_zero = (_rows(c, call.input(i)) for i in (1, 6, 7))
    b_scale = call.input(4)
    if b_scale.type.elements == 1:
        b_scale = c.reshape(b_scale, ())
    assert a_scale is not None and y_scale is not None and y_zero is not None
    return requantize(c, total, c.div(c.mul(a_scale, b_scale), y_scale), y_zero)


def requantize(c: Compose, total: Value, scale: Value, zero_point: Value) -> Value:
    """saturate(round(total * scale) + zero_point), the product taken in f32.

    Args:
        total: integers, as f32 or i32.
        scale, zero_point: broadcast to total; the zero point has the result's type.
    """
    scaled = c.mul(c.cast(total, DType.F32), c.cast(scale, DType.F32))
    if zero_point.type.rank == 0:
        return c.apply(Quantize(), scaled, c.scalar(1.0, DType.F32), zero_point)
    low, high = integer_range(zero_point.type.dtype)
    stored = c.add(c.apply(Round(), scaled), c.cast(zero_point, DType.F32))
    return c.cast(c.apply(Clip(low, high), stored), zero_point.type.dtype)


def dynamic_quantize_linear(call: Call) -> tuple[Value, Value, Value]:
    """DynamicQuantizeLinear: x as u8, over the range of its own values and zero."""
    c = Compose(call.builder)
    return quantize_dynamically(c, call.input(0))


def quantize_dynamically(c: Compose, x: Value) -> tuple[Value, Value, Value]:
    """x as u8, the scale and the zero point; of zeros alone, the scale is 1, not zero."""
    axes = range(x.type.rank)
    low = c.min(c.reduce("min", x, axes), 0)
    high = c.max(c.reduce("max", x, axes), 0)
    empty = c.apply(Equal(), low, high)
    scale = c.where(empty, 1, c.div(c.sub(high, low), 255))
    zero = c.apply(Round(), c.apply(Clip(0, 255), c.mul(c.div(low, scale), -1)))
    stored = c.add(c.apply(Round(), c.div(x, scale)), zero)
    return c.cast(c.apply(Clip(0, 255), stored), DType.U8), scale, c.cast(zero, DType.U8)


def conv_integer(call: Call) -> Value:
    """ConvInteger. Inputs: x, w, zero point of x?, zero point of w (per output channel)?."""
    c = Compose(call.builder)
    data, weights = call.input(0), call.input(1)
    w_zero = _per_channel(c, call.optional(3), weights.type.rank)
    return sum_of_products(
        c, _convolution(call, data, weights), data, _scalar(c, call.optional(2)), weights, w_zero
    )


def _convolution(call: Call, data: Value, weights: Value) -> Conv:
    kernel = weights.type.dims[2:]
    at = window(call, data.type.dims[2:], call.integers("kernel_shape", kernel))
    if at.kernel != kernel:
        raise call.invalid(f"kernel_shape: expected {kernel}, found {at.kernel}")
    return Conv(at.strides, at.pads, at.dilations, call.integer("group", 1))


def _per_channel(c: Compose, parameter: Value | None, rank: int) -> Value | None:
    """A parameter of each output channel, shaped to broadcast against weights [O, I, *kernel]."""
    if parameter is None or parameter.type.elements == 1:
        return _scalar(c, parameter)
    return c.reshape(parameter, (parameter.type.elements, *(1,) * (rank - 1)))


def qlinear_conv(call: Call) -> Value:
    """QLinearConv. Inputs: x, scale, zero point, w, scale, zero point, y scale, zero, bias i32?."""
    c = Compose(call.builder)
    data, weights, bias = call.input(0), call.input(3), call.optional(8)
    op = _convolution(call, data, weights)
    if is_known(call, (1, 2, 4, 5, 6, 7)):
        x, w = dequantized(call, 0), dequantized(call, 3, 0)
        biases = () if bias is None else (_real_bias(c, bias, call.input(1), call.input(4)),)
        return quantized(call, c.apply(op, x, w, *biases), 6)
    rank = weights.type.rank
    w_zero = _per_channel(c, call.input(5), rank)
    total = sum_of_products(c, op, data, _scalar(c, call.input(2)), weights, w_zero, bias)
    x_scale, y_scale = c.reshape(call.input(1), ()), c.reshape(call.input(6), ())
    w_scale = _per_channel(c, call.input(4), rank - 1)
    assert w_scale is not None
    zero_point = c.reshape(call.input(7), ())
    return requantize(c, total, c.div(c.mul(x_scale, w_scale), y_scale), zero_point)


def is_known(call: Call, parameters: Iterable[int]) -> bool:
    """Whether the inputs at these positions are constants, or absent."""
    given = (call.optional(index) for index in parameters)
    return all(value is None or call.builder.array(value) is not None for value in given)


def dequantized(call: Call, first: int, axis: int | None = None) -> Value:
    """Inputs `first` to `first` + 2 (tensor, scale, zero point?) as real numbers.

    Args:
        axis: where there is one scale for each index, along which.
    """
    c = Compose(call.builder)
    x, scale, zero = call.input(first), call.input(first + 1), call.optional(first + 2)
    check_scale(call, x, scale)
    zero = c.scalar(0, x.type.dtype) if zero is None else zero
    single = axis is None or scale.type.elements == zero.type.elements == 1
    shape = () if single else (x.type.dims[axis or 0],)
    parameters = (
        c.expand(c.reshape(each, shape and (each.type.elements,)), shape) for each in (scale, zero)
    )
    return c.apply(Dequantize(None if single else axis), x, *parameters)


def quantized(call: Call, y: Value, first: int, dtype: DType | None = None) -> Value:
    """Real numbers quantized by inputs `first` (scale) and `first` + 1 (zero point?).

    Args:
        dtype: of the result where there is no zero point; default: that of input 0.
    """
    c = Compose(call.builder)
    scale, zero = call.input(first), call.optional(first + 1)
    check_scale(call, y, scale)
    if zero is None:
        zero = c.scalar(0, dtype or call.input(0).type.dtype)
    return c.apply(Quantize(), y, c.reshape(scale, ()), c.reshape(zero, ()))


def _real_bias(c: Compose, bias: Value, x_scale: Value, w_scale: Value) -> Value:
    """What a bias in steps of the product of both scales stands for."""
    scale = c.mul(c.reshape(x_scale, ()), c.reshape(w_scale, (w_scale.type.elements,)))
    return c.mul(c.cast(bias, DType.F32), scale)


IMPORTERS: dict[str, Import] = {
    "ConvInteger": conv_integer,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "MatMulInteger": matmul_integer,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
}
