"""Operators of the com.microsoft domain over quantized tensors.

Where ONNX Runtime computes in floats between dequantization and quantization, so does graphopt.
"""

from __future__ import annotations

from collections.abc import Callable

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.onnx_quantization import dequantize_linear, quantize_linear
from graphopt.frontend.onnx_quantized import integer_product, quantize_dynamically, requantize
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Op, Value
from graphopt.ops import Add, AveragePool, Dequantize, LeakyRelu, Mul, Quantize, Sigmoid, Softmax


def _through_float(compute: Callable[[Call, Compose, Value], Value]) -> Import:
    """Inputs: x, its scale and zero point, the result's scale and zero point."""

    def run(call: Call) -> Value:
        c = Compose(call.builder)
        y = compute(call, c, _real(call, c, 0))
        return _stored(call, c, y, 3)

    return run


def _real(call: Call, c: Compose, first: int) -> Value:
    """Inputs `first` to `first` + 2 (tensor, scale, zero point) as real numbers."""
    x, scale = call.input(first), c.reshape(call.input(first + 1), ())
    return c.apply(Dequantize(), x, scale, _zero(call, c, first + 2, x.type.dtype))


def _stored(call: Call, c: Compose, y: Value, first: int) -> Value:
    """Real numbers quantized by inputs `first` (scale) and `first` + 1 (zero point)."""
    scale = c.reshape(call.input(first), ())
    zero = _zero(call, c, first + 1, call.input(0).type.dtype)
    return c.apply(Quantize(), y, scale, zero)


def _zero(call: Call, c: Compose, index: int, dtype: DType) -> Value:
    zero = call.optional(index)
    return c.scalar(0, dtype) if zero is None else c.reshape(zero, ())


def _qlinear_binary(op: Op) -> Import:
    """Inputs: a, scale, zero point, b, scale, zero point, the result's scale and zero point."""

    def run(call: Call) -> Value:
        c = Compose(call.builder)
        return _stored(call, c, c.apply(op, _real(call, c, 0), _real(call, c, 3)), 6)

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
    parts = [_real(call, c, first) for first in range(2, len(call.inputs), 3)]
    scale, zero = c.reshape(call.input(0), ()), c.reshape(call.input(1), ())
    y = c.concat(parts, call.integer("axis") % parts[0].type.rank)
    return c.apply(Quantize(), y, scale, zero)


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
    a = c.swap(a, 0, 1) if call.integer("transA", 0) else a
    b = c.swap(b, 0, 1) if call.integer("transB", 0) else b
    total = integer_product(c, a, call.optional(2), b, call.optional(5), call.optional(6))
    scale = c.mul(c.mul(c.reshape(call.input(1), ()), call.input(4)), call.number("alpha", 1.0))
    if not call.has(7):
        return c.mul(c.cast(total, DType.F32), scale)
    scale = c.div(scale, c.reshape(call.input(7), ()))
    return requantize(c, total, scale, _zero(call, c, 8, call.input(0).type.dtype))


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
