"""Operators over quantized tensors, composed exactly: integer sums, then one requantization."""

from __future__ import annotations

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.integer import sum_of_products
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Value
from graphopt.ops import Clip, Conv, Equal, MatMul, Quantize, Round
from graphopt.ops.quantization import integer_range


def matmul_integer(call: Call) -> Value:
    """MatMulInteger. Inputs: a, b, zero point of a (per row)?, zero point of b (per column)?."""
    c = Compose(call.builder)
    total = integer_product(c, call.input(0), call.optional(2), call.input(1), call.optional(3))
    return c.cast(total, DType.I32)


def integer_product(
    c: Compose,
    a: Value,
    a_zero: Value | None,
    b: Value,
    b_zero: Value | None,
    bias: Value | None = None,
) -> Value:
    """(a - a_zero) @ (b - b_zero) + bias, exact, as f32 or i32; vectors as in numpy.

    Args:
        a_zero: one number, or one per row. b_zero: one number, or one per column.
    """
    vector_a, vector_b = a.type.rank == 1, b.type.rank == 1
    a = c.unsqueeze(a, 0) if vector_a else a
    b = c.unsqueeze(b, 1) if vector_b else b
    y = sum_of_products(c, MatMul(), a, _rows(c, a_zero), b, b_zero, (b.type.rank - 2,), bias)
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
    total = integer_product(c, call.input(0), call.input(2), call.input(3), call.input(5))
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
    return c.cast(_convolution(call, c, 0, 2, 1, 3), DType.I32)


def _convolution(
    call: Call,
    c: Compose,
    x: int,
    x_zero: int,
    w: int,
    w_zero: int,
    bias: Value | None = None,
) -> Value:
    """The exact convolution of quantized tensors, given as input indices."""
    data, weights = call.input(x), call.input(w)
    kernel = weights.type.dims[2:]
    at = window(call, data.type.dims[2:], call.integers("kernel_shape", kernel))
    if at.kernel != kernel:
        raise call.invalid(f"kernel_shape: expected {kernel}, found {at.kernel}")
    return sum_of_products(
        c,
        Conv(at.strides, at.pads, at.dilations, call.integer("group", 1)),
        data,
        _scalar(c, call.optional(x_zero)),
        weights,
        _per_channel(c, call.optional(w_zero), weights.type.rank),
        tuple(range(1, weights.type.rank)),
        bias,
    )


def _per_channel(c: Compose, parameter: Value | None, rank: int) -> Value | None:
    """A parameter of each output channel, shaped to broadcast against weights [O, I, *kernel]."""
    if parameter is None or parameter.type.elements == 1:
        return _scalar(c, parameter)
    return c.reshape(parameter, (parameter.type.elements, *(1,) * (rank - 1)))


def qlinear_conv(call: Call) -> Value:
    """QLinearConv. Inputs: x, scale, zero point, w, scale, zero point, y scale, zero, bias i32?."""
    c = Compose(call.builder)
    rank = call.input(3).type.rank
    bias = call.optional(8)
    if bias is not None:
        bias = c.reshape(bias, (bias.type.elements, *(1,) * (rank - 2)))
    total = _convolution(call, c, 0, 2, 3, 5, bias)
    x_scale, y_scale = c.reshape(call.input(1), ()), c.reshape(call.input(6), ())
    w_scale = _per_channel(c, call.input(4), rank - 1)
    assert w_scale is not None
    zero_point = c.reshape(call.input(7), ())
    return requantize(c, total, c.div(c.mul(x_scale, w_scale), y_scale), zero_point)


IMPORTERS: dict[str, Import] = {
    "ConvInteger": conv_integer,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "MatMulInteger": matmul_integer,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
}
