"""Operators of the com.microsoft domain that ONNX Runtime's own tools put into models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import DType, Op, Value
from graphopt.ops import (
    Add,
    Dequantize,
    Gelu,
    LayerNorm,
    LeakyRelu,
    Mul,
    Quantize,
    Sigmoid,
    Softmax,
)


def bias_gelu(call: Call) -> Value:
    """BiasGelu: gelu(x + bias)."""
    c = Compose(call.builder)
    return c.apply(Gelu(), c.add(call.input(0), call.input(1)))


def fast_gelu(call: Call) -> Value:
    """FastGelu: the tanh form, of x plus an optional bias."""
    c = Compose(call.builder)
    bias = call.optional(1)
    x = call.input(0)
    return c.apply(Gelu("tanh"), x if bias is None else c.add(x, bias))


def fused_matmul(call: Call) -> Value:
    """FusedMatMul: alpha * a @ b, either transposed first."""
    c = Compose(call.builder)
    if call.integer("transBatchA", 0) or call.integer("transBatchB", 0):
        raise call.unsupported("transBatchA and transBatchB: expected 0")
    a, b = call.input(0), call.input(1)
    if call.integer("transA", 0):
        a = c.swap(a, -1, -2)
    y = c.matmul(a, b, transpose_b=bool(call.integer("transB", 0)))
    alpha = call.number("alpha", 1.0)
    return y if alpha == 1.0 else c.mul(y, alpha)


def skip_layer_norm(call: Call) -> tuple[Value, ...]:
    """SkipLayerNormalization. Inputs: x, skip, gamma, beta?, bias?."""
    return _skip_norm(call, LayerNorm((), call.number("epsilon", 1e-12)), 3, 4)


def skip_rms_norm(call: Call) -> tuple[Value, ...]:
    """SkipSimplifiedLayerNormalization. Inputs: x, skip, gamma, bias?."""
    return _skip_norm(call, LayerNorm((), call.number("epsilon", 1e-6), rms=True), None, 3)


def _skip_norm(call: Call, norm: LayerNorm, beta: int | None, bias: int) -> tuple[Value, ...]:
    """Outputs: the normalized sum, two that training uses, the sum itself."""
    c = Compose(call.builder)
    total = c.add(call.input(0), call.input(1))
    added = call.optional(bias)
    if added is not None:
        total = c.add(total, added)
    if any(call.node.output[1:3]):
        raise call.unsupported("mean and inv_std_var: expected no such outputs")
    y = c.mul(c.apply(replace(norm, axes=(total.type.rank - 1,)), total), call.input(2))
    shift = None if beta is None else call.optional(beta)
    y = y if shift is None else c.add(y, shift)
    return (y, y, y, total)


def rms_norm(call: Call) -> Value:
    """SimplifiedLayerNormalization: x / rms(x) * scale, from `axis` on."""
    c = Compose(call.builder)
    x = call.input(0)
    axis = call.integer("axis", -1) % x.type.rank
    norm = LayerNorm(tuple(range(axis, x.type.rank)), call.number("epsilon", 1e-5), rms=True)
    return c.mul(c.apply(norm, x), call.input(1))


def embed_layer_norm(call: Call) -> tuple[Value, ...]:
    """EmbedLayerNormalization. Inputs: ids, segment ids?, word, position, segment embeddings?,
    gamma, beta, mask?, position ids?."""
    c = Compose(call.builder)
    ids, segments, words, positions = call.input(0), call.optional(1), call.input(2), call.input(3)
    batch, length = ids.type.dims
    total = c.gather(words, ids, 0)
    places = call.optional(8)
    if places is None:
        places = c.constant(np.arange(length, dtype=np.int64).reshape(1, length))
    total = c.add(total, c.gather(positions, places, 0))
    if segments is not None:
        total = c.add(total, c.gather(call.input(4), segments, 0))
    norm = c.apply(LayerNorm((2,), call.number("epsilon", 1e-12)), total)
    y = c.add(c.mul(norm, call.input(5)), call.input(6))
    mask = call.optional(7)
    if mask is None:
        lengths = c.constant(np.zeros(batch, np.int32))
    else:
        lengths = c.reduce("sum", c.cast(mask, DType.I32), (1,))
    return (y, lengths, total)


def attention(call: Call) -> Value:
    """Attention. Inputs: x [B, S, I], weights [I, 3H] of q, k and v, bias [3H]?, mask [B, S]?."""
    c = Compose(call.builder)
    x, w, bias, mask = call.input(0), call.input(1), call.optional(2), call.optional(3)
    if any(call.has(i) for i in range(4, len(call.inputs))) or any(call.node.output[1:]):
        raise call.unsupported("past state and attention bias: expected none")
    for name in ("unidirectional", "do_rotary"):
        if call.integer(name, 0):
            raise call.unsupported(f"{name}: expected 0, found {call.integer(name)}")
    if call.has_attribute("qkv_hidden_sizes"):
        raise call.unsupported("qkv_hidden_sizes: expected none")
    batch, length, _ = x.type.dims
    heads = call.integer("num_heads")
    width = w.type.dims[1] // 3
    each = width // heads
    y = c.matmul(x, w)
    y = y if bias is None else c.add(y, bias)
    y = c.transpose(c.reshape(y, (batch, length, 3, heads, each)), (2, 0, 3, 1, 4))
    q, k, v = (c.index(y, 0, i) for i in range(3))
    scale = call.number("scale", 0.0) or each**-0.5
    scores = c.mul(c.matmul(q, k, transpose_b=True), scale)
    if mask is not None:
        if mask.type.dims != (batch, length):
            raise call.unsupported(f"mask: expected [{batch},{length}], found {mask.type}")
        dropped = c.sub(1, c.cast(mask, x.type.dtype))
        penalty = c.mul(dropped, call.number("mask_filter_value", -10000.0))
        scores = c.add(scores, c.reshape(penalty, (batch, 1, 1, length)))
    y = c.matmul(c.apply(Softmax(3), scores), v)
    return c.reshape(c.transpose(y, (0, 2, 1, 3)), (batch, length, width))


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


IMPORTERS: dict[str, Import] = {
    "com.microsoft:Attention": attention,
    "com.microsoft:BiasGelu": bias_gelu,
    "com.microsoft:EmbedLayerNormalization": embed_layer_norm,
    "com.microsoft:FastGelu": fast_gelu,
    "com.microsoft:FusedMatMul": fused_matmul,
    "com.microsoft:QLinearAdd": _qlinear_binary(Add()),
    "com.microsoft:QLinearConcat": qlinear_concat,
    "com.microsoft:QLinearGlobalAveragePool": _through_float(qlinear_global_average_pool),
    "com.microsoft:QLinearLeakyRelu": _through_float(qlinear_leaky_relu),
    "com.microsoft:QLinearMul": _qlinear_binary(Mul()),
    "com.microsoft:QLinearSigmoid": _through_float(qlinear_sigmoid),
    "com.microsoft:QLinearSoftmax": _through_float(qlinear_softmax),
    "com.microsoft:SkipLayerNormalization": skip_layer_norm,
    "com.microsoft:SkipSimplifiedLayerNormalization": skip_rms_norm,
    "SimplifiedLayerNormalization": rms_norm,
}
