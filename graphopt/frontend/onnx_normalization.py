"""Normalizations and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import DType, Value


def per_channel(call: Call, parameter: Value, rank: int) -> Value:
    """A [C] parameter as [C, 1, ...], to meet the channels of a channels-first tensor."""
    return call.emit(ops.Reshape((parameter.type.dims[0], *(1,) * (rank - 2))), parameter)


def batch_normalization(call: Call) -> Value | tuple[Value, ...]:
    """BatchNormalization; known statistics are folded into one scale and one shift."""
    x, scale, bias, mean, variance = call.tensors()[:5]
    if call.opset >= 14 and call.integer("training_mode", 0):
        return _batch_normalization_training(call)
    epsilon = call.number("epsilon", 1e-5)
    arrays = [call.array(i) for i in range(1, 5)]
    known = [a.astype(np.float64) for a in arrays if a is not None]
    if len(known) == 4:
        factor = known[0] / np.sqrt(known[3] + epsilon)
        shift = known[1] - known[2] * factor
        dtype = x.type.dtype.numpy
        scale, bias = call.constant(factor.astype(dtype)), call.constant(shift.astype(dtype))
        scale, bias = (per_channel(call, p, x.type.rank) for p in (scale, bias))
        return call.emit(ops.Add(), call.emit(ops.Mul(), x, scale), bias)
    return _normalized(call, x, (scale, bias, mean, variance), epsilon)


def _normalized(
    call: Call, x: Value, parameters: tuple[Value, Value, Value, Value], epsilon: float
) -> Value:
    """scale * (x - mean) / sqrt(variance + epsilon) + bias, in the type of x."""
    fitting = (
        p if p.type.dtype is x.type.dtype else call.emit(ops.Cast(x.type.dtype), p)
        for p in parameters
    )
    scale, bias, mean, variance = (per_channel(call, p, x.type.rank) for p in fitting)
    wide = call.emit(ops.Add(), variance, call.scalar(epsilon, variance))
    factor = call.emit(ops.Div(), scale, call.emit(ops.Sqrt(), wide))
    y = call.emit(ops.Mul(), call.emit(ops.Sub(), x, mean), factor)
    return call.emit(ops.Add(), y, bias)


def _batch_normalization_training(call: Call) -> tuple[Value, ...]:
    x, scale, bias, old_mean, old_variance = call.tensors()
    axes = tuple(i for i in range(x.type.rank) if i != 1)
    mean = call.emit(ops.Reduce("mean", axes), x)
    centred = call.emit(ops.Sub(), x, per_channel(call, mean, x.type.rank))
    variance = call.emit(ops.Reduce("mean", axes), call.emit(ops.Mul(), centred, centred))
    y = _normalized(call, x, (scale, bias, mean, variance), call.number("epsilon", 1e-5))
    momentum = call.number("momentum", 0.9)

    def moved(old: Value, new: Value) -> Value:
        if new.type.dtype is not old.type.dtype:
            new = call.emit(ops.Cast(old.type.dtype), new)
        kept = call.emit(ops.Mul(), old, call.scalar(momentum, old))
        return call.emit(ops.Add(), kept, call.emit(ops.Mul(), new, call.scalar(1 - momentum, new)))

    return y, moved(old_mean, mean), moved(old_variance, variance)


def layer_normalization(call: Call) -> tuple[Value, ...]:
    """LayerNormalization, with the optional outputs mean and 1 / deviation."""
    x, scale, bias = call.input(0), call.input(1), call.optional(2)
    axes = tuple(range(call.axis(call.integer("axis", -1), x.type.rank), x.type.rank))
    epsilon = call.number("epsilon", 1e-5)
    y = call.emit(ops.Mul(), call.emit(ops.LayerNorm(axes, epsilon), x), scale)
    if bias is not None:
        y = call.emit(ops.Add(), y, bias)
    if not any(call.node.output[1:]):
        return (y,)
    stash = DType.F32 if call.integer("stash_type", 1) == 1 else x.type.dtype
    wide = x if x.type.dtype is stash else call.emit(ops.Cast(stash), x)
    mean = call.emit(ops.Reduce("mean", axes, True), wide)
    centred = call.emit(ops.Sub(), wide, mean)
    variance = call.emit(ops.Reduce("mean", axes, True), call.emit(ops.Mul(), centred, centred))
    deviation = call.emit(ops.Add(), variance, call.scalar(epsilon, variance))
    return y, mean, call.emit(ops.Reciprocal(), call.emit(ops.Sqrt(), deviation))


def rms_normalization(call: Call) -> Value:
    """RMSNormalization."""
    x, scale = call.tensors()
    axes = tuple(range(call.axis(call.integer("axis", -1), x.type.rank), x.type.rank))
    y = call.emit(ops.LayerNorm(axes, call.number("epsilon", 1e-5), rms=True), x)
    return call.emit(ops.Mul(), y, scale)


def instance_normalization(call: Call) -> Value:
    """InstanceNormalization: each channel of each example by itself."""
    x, scale, bias = call.tensors()
    rank = x.type.rank
    y = call.emit(ops.LayerNorm(tuple(range(2, rank)), call.number("epsilon", 1e-5)), x)
    y = call.emit(ops.Mul(), y, per_channel(call, scale, rank))
    return call.emit(ops.Add(), y, per_channel(call, bias, rank))


def group_normalization(call: Call) -> Value:
    """GroupNormalization: scale and bias are per group before opset 21, then per channel."""
    x, scale, bias = call.tensors()
    n, c, *size = x.type.dims
    groups = call.integer("num_groups")
    if c % groups:
        raise call.invalid(f"num_groups: expected a divisor of {c} channels, found {groups}")
    y = call.emit(ops.Reshape((n, groups, c // groups * math.prod(size))), x)
    y = call.emit(ops.LayerNorm((2,), call.number("epsilon", 1e-5)), y)
    if scale.type.dims == (groups,) and groups != c:
        y = call.emit(ops.Mul(), y, per_channel(call, scale, 3))
        y = call.emit(ops.Add(), y, per_channel(call, bias, 3))
        return call.emit(ops.Reshape(x.type.dims), y)
    y = call.emit(ops.Reshape(x.type.dims), y)
    y = call.emit(ops.Mul(), y, per_channel(call, scale, x.type.rank))
    return call.emit(ops.Add(), y, per_channel(call, bias, x.type.rank))


def lp_normalization(call: Call) -> Value:
    """LpNormalization: x divided by its 1- or 2-norm along an axis."""
    x = call.input(0)
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    if call.integer("p", 2) == 1:
        norm = call.emit(ops.Reduce("sum", (axis,), True), call.emit(ops.Abs(), x))
    else:
        squares = call.emit(ops.Reduce("sum", (axis,), True), call.emit(ops.Mul(), x, x))
        norm = call.emit(ops.Sqrt(), squares)
    zero = call.scalar(0, x)
    is_zero = call.emit(ops.Equal(), norm, zero)
    return call.emit(ops.Where(), is_zero, zero, call.emit(ops.Div(), x, norm))


def lrn(call: Call) -> Value:
    """LRN: x / (bias + alpha * mean of squares over nearby channels) ** beta."""
    x, size = call.input(0), call.integer("size")
    n, c, *spatial = x.type.dims
    squares = call.emit(ops.Mul(), x, x)
    column = call.emit(ops.Reshape((n, 1, c, math.prod(spatial))), squares)
    pads = ((size - 1) // 2, 0, size // 2, 0)
    pool = ops.AveragePool((size, 1), (1, 1), pads, (1, 1), count_pad=True)
    mean = call.emit(ops.Reshape(x.type.dims), call.emit(pool, column))
    scaled = call.emit(ops.Mul(), mean, call.scalar(call.number("alpha", 1e-4), x))
    base = call.emit(ops.Add(), scaled, call.scalar(call.number("bias", 1.0), x))
    power = call.emit(ops.Pow(), base, call.scalar(call.number("beta", 0.75), x))
    return call.emit(ops.Div(), x, power)


def softmax(call: Call) -> Value:
    """Softmax."""
    return _over_axis(call, lambda axis, x: call.emit(ops.Softmax(axis), x))


def log_softmax(call: Call) -> Value:
    """LogSoftmax."""
    return _over_axis(call, lambda axis, x: call.emit(ops.Softmax(axis, log=True), x))


def hardmax(call: Call) -> Value:
    """Hardmax: 1 at the first largest element along the axis, else 0."""

    def compute(axis: int, x: Value) -> Value:
        top = call.emit(ops.ArgReduce("max", axis, keepdims=True), x)
        numbers = np.arange(x.type.dims[axis]).reshape(-1, *(1,) * (x.type.rank - axis - 1))
        hot = call.emit(ops.Equal(), top, call.constant(numbers, np.int64))
        return call.emit(ops.Cast(x.type.dtype), hot)

    return _over_axis(call, compute)


def _over_axis(call: Call, compute: Callable[[int, Value], Value]) -> Value:
    """Along one axis from opset 13 on; before, along all from the axis on as one."""
    x = call.input(0)
    axis = call.axis(call.integer("axis", -1 if call.opset >= 13 else 1), x.type.rank)
    dims = x.type.dims
    if call.opset >= 13 or math.prod(dims[axis + 1 :]) == 1:
        return compute(axis, x)
    flat = call.emit(ops.Reshape((math.prod(dims[:axis]), math.prod(dims[axis:]))), x)
    return call.emit(ops.Reshape(dims), compute(1, flat))


IMPORTERS: dict[str, Import] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "Hardmax": hardmax,
    "InstanceNormalization": instance_normalization,
    "LRN": lrn,
    "LayerNormalization": layer_normalization,
    "LogSoftmax": log_softmax,
    "LpNormalization": lp_normalization,
    "RMSNormalization": rms_normalization,
    "Softmax": softmax,
}
