"""Operators of the com.microsoft domain that ONNX Runtime's own tools put into models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.onnx_matmul import gemm
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Op, Value
from graphopt.ops import (
    Clip,
    Conv,
    Gelu,
    HardSigmoid,
    Identity,
    LayerNorm,
    LeakyRelu,
    Relu,
    Sigmoid,
    Softmax,
    Tanh,
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


def fused_conv(call: Call) -> Value:
    """FusedConv: a convolution, plus an optional fourth input, then an activation."""
    c = Compose(call.builder)
    x, w, bias, other = call.input(0), call.input(1), call.optional(2), call.optional(3)
    at = window(call, x.type.dims[2:], call.integers("kernel_shape", w.type.dims[2:]))
    op = Conv(at.strides, at.pads, at.dilations, call.integer("group", 1))
    y = c.apply(op, x, w) if bias is None else c.apply(op, x, w, bias)
    y = y if other is None else c.add(y, other)
    return _activated(call, c, y, call.numbers("activation_params", ()))


def fused_gemm(call: Call) -> Value:
    """FusedGemm: Gemm, then an activation."""
    parameters = [
        call.number(name, default)
        for name, default in (("activation_alpha", 0.01), ("activation_beta", 0.0))
    ]
    return _activated(call, Compose(call.builder), gemm(call), tuple(parameters))


def _activated(call: Call, c: Compose, x: Value, parameters: tuple[float, ...]) -> Value:
    name = call.string("activation", "")
    first, second = (*parameters, 0.0, 0.0)[:2]
    activations: dict[str, Op] = {
        "": Identity(),
        "Clip": Clip(first, second),
        "HardSigmoid": HardSigmoid(first, second),
        "LeakyRelu": LeakyRelu(first),
        "Relu": Relu(),
        "Sigmoid": Sigmoid(),
        "Tanh": Tanh(),
    }
    if name not in activations:
        known = ", ".join(filter(None, activations))
        raise call.unsupported(f"activation: expected one of {known}, found {name!r}")
    return c.apply(activations[name], x)


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
    ids, segments, words, positions = (
        call.ranked(0, 2),
        call.optional(1),
        call.ranked(2, 2),
        call.ranked(3, 2),
    )
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
    x, w, bias = call.ranked(0, 3), call.ranked(1, 2), call.optional(2)
    _refuse(call, range(4, len(call.inputs)), ("do_rotary", "qkv_hidden_sizes", "unidirectional"))
    y = c.matmul(x, w)
    y = y if bias is None else c.add(y, bias)
    width = w.type.dims[1] // 3
    q, k, v = (c.slice(y, 2, i * width, width) for i in range(3))
    return _attend(call, c, q, k, v, call.optional(3), None)


def multi_head_attention(call: Call) -> Value:
    """MultiHeadAttention. Inputs: q, k, v [B, S, H], bias of all?, mask [B, S]?, added scores?."""
    c = Compose(call.builder)
    q, k, v = (call.ranked(i, 3) for i in range(3))
    _refuse(call, range(6, len(call.inputs)), ("unidirectional",))
    bias = call.optional(3)
    if bias is not None:
        parts, start = [], 0
        for value in (q, k, v):
            size = value.type.dims[2]
            parts.append(c.add(value, c.slice(bias, 0, start, size)))
            start += size
        q, k, v = parts
    return _attend(call, c, q, k, v, call.optional(4), call.optional(5))


def _refuse(call: Call, inputs: Iterable[int], attributes: Iterable[str]) -> None:
    if any(call.has(i) for i in inputs) or any(call.node.output[1:]):
        raise call.unsupported("past state: expected none")
    for name in attributes:
        if call.has_attribute(name) and (name == "qkv_hidden_sizes" or call.integer(name)):
            raise call.unsupported(f"{name}: expected to be left out")


def _attend(
    call: Call,
    c: Compose,
    q: Value,
    k: Value,
    v: Value,
    mask: Value | None,
    added: Value | None,
) -> Value:
    """softmax(q k' * scale + mask) v, head by head; q, k, v are [batch, length, heads * size]."""
    heads = call.integer("num_heads")

    def split(x: Value) -> Value:
        batch, length, width = x.type.dims
        return c.swap(c.reshape(x, (batch, length, heads, width // heads)), 1, 2)

    batch, length, width = q.type.dims
    seen = k.type.dims[1]
    scale = call.number("scale", 0.0) or (width // heads) ** -0.5
    scores = c.mul(c.matmul(split(q), split(k), transpose_b=True), scale)
    if mask is not None:
        if mask.type.dims != (batch, seen):
            raise call.unsupported(f"mask: expected [{batch},{seen}], found {mask.type}")
        dropped = c.sub(1, c.cast(mask, q.type.dtype))
        penalty = c.mul(dropped, call.number("mask_filter_value", -10000.0))
        scores = c.add(scores, c.reshape(penalty, (batch, 1, 1, seen)))
    if added is not None:
        scores = c.add(scores, added)
    y = c.swap(c.matmul(c.apply(Softmax(3), scores), split(v)), 1, 2)
    return c.reshape(y, (batch, length, v.type.dims[2]))


IMPORTERS: dict[str, Import] = {
    "com.microsoft:Attention": attention,
    "com.microsoft:BiasGelu": bias_gelu,
    "com.microsoft:EmbedLayerNormalization": embed_layer_norm,
    "com.microsoft:FastGelu": fast_gelu,
    "com.microsoft:FusedConv": fused_conv,
    "com.microsoft:FusedGemm": fused_gemm,
    "com.microsoft:FusedMatMul": fused_matmul,
    "com.microsoft:MultiHeadAttention": multi_head_attention,
    "com.microsoft:SkipLayerNormalization": skip_layer_norm,
    "com.microsoft:SkipSimplifiedLayerNormalization": skip_rms_norm,
    "SimplifiedLayerNormalization": rms_norm,
}
