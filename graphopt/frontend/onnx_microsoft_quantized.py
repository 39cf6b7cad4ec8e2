"""Operators of the com.microsoft domain over quantized tensors.

Where ONNX Runtime computes in floats between dequantization and quantization, so does graphopt.
"""

from __future__ import annotations

from collections.abc import Callable

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.onnx_quantization import dequantize_linear, quantize_linear
from graphopt.frontend.onnx_quantized import (
    dequantized,
    integer_product,
    is_known,
    quantize_dynamically,
    quantized,
    requantize,
)
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Op, Value
from graphopt.ops import Add, AveragePool, LeakyRelu, MatMul, Mul, Sigmoid, Softmax


def _through_float(compute: Callable[[Call, Compose, Value], Value]) -> Import:
    """Inputs: x, its scale and zero point, the result's scale and zero point."""

    def run(call: Call) -> Value:
        c = Compose(call.builder)
        return quantized(call, compute(call, c, dequantized(call, 0)), 3)

    return run


def _qlinear_binary(op: Op) -> Import:
    """Inputs: a, scale, zero point, b, scale, zero point, the result's scale and zero point."""

    def run(call: Call) -> Value:
        c = Compose(call.builder)
        return quantized(call, c.apply(op, dequantized(call, 0), dequantized(call, 3)), 6)

    return run


def qlinear_leaky_relu(call: Call, c: Compose, x: Value) -> Value:
    return c.apply(LeakyRelu(call.number("alpha", 0.01)), x)


def qlinear_sigmoid(call: Call, c: Compose, x: Value) -> Value:
    return c.apply(Sigmoid(), x)


def qlinear_global_average_pool(call: Call, c: Compose, x: Value) -> Value:
    first = 1 if call.integer("channels_last", 0) else 2
    axes = range(first, first + x.type.rank - 2)
    return c.reduce("mean", x, tuple(axes), keepdims=True)


def qlinear_softmax(call: Call, c: Compose, x: Value) -> Value:
    if call.integer("opset") < 13 and call.integer("axis", -1) not in (-1, x.type.rank - 1):
        raise call.unsupported("opset: expected 13 or more for an axis that is not the last")
    return c.apply(Softmax(call.integer("axis", -1) % x.type.rank), x)


def qlinear_concat(call: Call) -> Value:
    """QLinearConcat. Inputs: the result's scale and zero point, then x, scale, zero point each."""
    c = Compose(call.builder)
    parts = [dequantized(call, first) for first in range(2, len(call.inputs), 3)]
    return quantized(call, c.concat(parts, call.integer("axis") % parts[0].type.rank), 0)


def qlinear_average_pool(call: Call, c: Compose, x: Value) -> Value:
    last = bool(call.integer("channels_last", 0))
    size = x.type.dims[1:-1] if last else x.type.dims[2:]
    at = window(call, size, call.integers("kernel_shape"))
    pool = AveragePool(
        at.kernel,
        at.strides,
        at.pads,
        at.dilations,
        ceil=bool(call.integer("ceil_mode", 0)),
        layout="NHWC" if last else "NCHW",
        count_pad=bool(call.integer("count_include_pad", 0)),
    )
    return c.apply(pool, x)


def qgemm(call: Call) -> Value:
    """QGemm. Inputs: a, scale, zero, b, scale, zero, bias i32?, y scale?, y zero?."""
    c = Compose(call.builder)
    a, b = call.ranked(0, 2), call.ranked(3, 2)
    across, down = bool(call.integer("transA", 0)), bool(call.integer("transB", 0))
    if call.has(7) and is_known(call, (1, 2, 4, 5, 6, 7, 8)):
        return _real_gemm(call, c, across, down)
    a = c.swap(a, 0, 1) if across else a
    b = c.swap(b, 0, 1) if down else b
    total = integer_product(c, a, call.optional(2), b, call.optional(5), call.optional(6))
    scale = c.mul(c.mul(c.reshape(call.input(1), ()), call.input(4)), call.number("alpha", 1.0))
    if not call.has(7):
        return c.mul(c.cast(total, DType.F32), scale)
    scale = c.div(scale, c.reshape(call.input(7), ()))
    zero = call.optional(8)
    zero = c.scalar(0, a.type.dtype) if zero is None else c.reshape(zero, ())
    return requantize(c, total, scale, zero)


def _real_gemm(call: Call, c: Compose, across: bool, down: bool) -> Value:
    """QGemm between dequantization and quantization."""
    a, b, bias = dequantized(call, 0), dequantized(call, 3, 0 if down else 1), call.optional(6)
    a, b = c.swap(a, 0, 1) if across else a, c.swap(b, 0, 1) if down else b
    y = c.mul(c.apply(MatMul(), a, b), call.number("alpha", 1.0))
    if bias is not None:
        scale = c.mul(c.mul(c.reshape(call.input(1), ()), call.input(4)), call.number("alpha", 1.0))
        y = c.add(y, c.mul(c.cast(bias, DType.F32), scale))
    return quantized(call, y, 7)


def matmul_integer_to_float(call: Call) -> Value:
    """MatMulIntegerToFloat. Inputs: a, b, a scale, b scale, a zero?, b zero?, bias?."""
    c = Compose(call.builder)
    total = integer_product(c, call.input(0), call.optional(4), call.input(1), call.optional(5))
    return _to_float(c, total, call.input(2), call.input(3), call.optional(6))


def dynamic_quantize_matmul(call: Call) -> Value:
    """DynamicQuantizeMatMul. Inputs: a (float), b, b scale, b zero?, bias?."""
    c = Compose(call.builder)
    a, scale, zero = quantize_dynamically(c, call.input(0))
    total = integer_product(c, a, zero, call.input(1), call.optional(3))
    return _to_float(c, total, scale, call.input(2), call.optional(4))


def _to_float(
    c: Compose, total: Value, a_scale: Value, b_scale: Value, bias: Value | None
) -> Value:
    y = c.mul(c.cast(total, DType.F32), c.mul(c.reshape(a_scale, ()), b_scale))
    return y if bias is None else c.add(y, bias)


IMPORTERS: dict[str, Import] = {
    "com.microsoft:DequantizeLinear": dequantize_linear,
    "com.microsoft:DynamicQuantizeMatMul": dynamic_quantize_matmul,
    "com.microsoft:MatMulIntegerToFloat": matmul_integer_to_float,
    "com.microsoft:QGemm": qgemm,
    "com.microsoft:QLinearAdd": _qlinear_binary(Add()),
    "com.microsoft:QLinearAveragePool": _through_float(qlinear_average_pool),
    "com.microsoft:QLinearConcat": qlinear_concat,
    "com.microsoft:QLinearGlobalAveragePool": _through_float(qlinear_global_average_pool),
    "com.microsoft:QLinearLeakyRelu": _through_float(qlinear_leaky_relu),
    "com.microsoft:QLinearMul": _qlinear_binary(Mul()),
    "com.microsoft:QLinearSigmoid": _through_float(qlinear_sigmoid),
    "com.microsoft:QLinearSoftmax": _through_float(qlinear_softmax),
    "com.microsoft:QuantizeLinear": quantize_linear,
}
