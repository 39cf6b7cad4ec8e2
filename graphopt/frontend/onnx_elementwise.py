"""Elementwise operators."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import Op, Value
from graphopt.ops.elementwise import broadcast_shapes


def plain(op: Op) -> Callable[[Call], Value]:
    """Import as `op`, all inputs in order."""

    def run(call: Call) -> Value:
        return call.emit(op, *call.tensors())

    return run


def folded(op: Op) -> Callable[[Call], Value]:
    """Import a variadic operator as a chain of `op`."""

    def run(call: Call) -> Value:
        first, *rest = call.tensors()
        for value in rest:
            first = call.emit(op, first, value)
        return first if rest else call.emit(ops.Identity(), first)

    return run


def mean(call: Call) -> Value:
    """Mean of all inputs."""
    total = folded(ops.Add())(call)
    return call.emit(ops.Div(), total, call.scalar(len(call.inputs), total))


def power(call: Call) -> Value:
    """Pow: computed in the type of the base (the wider of both for an integer base)."""
    base, exponent = call.tensors()
    if base.type.dtype is exponent.type.dtype:
        return call.emit(ops.Pow(), base, exponent)
    if exponent.type.dtype.is_float and not base.type.dtype.is_float:
        wide = call.emit(ops.Cast(exponent.type.dtype), base)
        return call.emit(ops.Cast(base.type.dtype), call.emit(ops.Pow(), wide, exponent))
    return call.emit(ops.Pow(), base, call.emit(ops.Cast(base.type.dtype), exponent))


def mod(call: Call) -> Value:
    """Mod."""
    return call.emit(ops.Mod(truncated=bool(call.integer("fmod", 0))), *call.tensors())


def bit_shift(call: Call) -> Value:
    """BitShift."""
    left = call.string("direction") == "LEFT"
    return call.emit(ops.ShiftLeft() if left else ops.ShiftRight(), *call.tensors())


def clip(call: Call) -> Value:
    """Clip: bounds are attributes before opset 11, inputs from then on."""
    x = call.input(0)
    if call.opset < 11:
        low = call.number("min", -math.inf)
        high = call.number("max", math.inf)
        return call.emit(ops.Clip(_bound(low), _bound(high)), x)
    bounds = [call.optional(1), call.optional(2)]
    arrays = [call.array(1), call.array(2)]
    if all(v is None or a is not None for v, a in zip(bounds, arrays, strict=True)):
        lows, highs = (None if a is None else a.reshape(()).item() for a in arrays)
        return call.emit(ops.Clip(_bound(lows), _bound(highs)), x)
    if bounds[0] is not None:
        x = call.emit(ops.Max(), x, bounds[0])
    return x if bounds[1] is None else call.emit(ops.Min(), x, bounds[1])


def _bound(value: float | None) -> float | None:
    return None if value is None or abs(value) >= float(np.finfo(np.float32).max) else value


def leaky_relu(call: Call) -> Value:
    """LeakyRelu."""
    return call.emit(ops.LeakyRelu(call.number("alpha", 0.01)), call.input(0))


def elu(call: Call) -> Value:
    """Elu."""
    return call.emit(ops.Elu(call.number("alpha", 1.0)), call.input(0))


def selu(call: Call) -> Value:
    """Selu."""
    alpha = call.number("alpha", 1.6732632423543772)
    return call.emit(ops.Elu(alpha, call.number("gamma", 1.0507009873554805)), call.input(0))


def celu(call: Call) -> Value:
    """Celu: max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""
    x, alpha = call.input(0), call.number("alpha", 1.0)
    if alpha == 1.0:
        return call.emit(ops.Elu(), x)
    scale = call.scalar(alpha, x)
    return call.emit(ops.Mul(), call.emit(ops.Elu(), call.emit(ops.Div(), x, scale)), scale)


def hard_sigmoid(call: Call) -> Value:
    """HardSigmoid."""
    op = ops.HardSigmoid(call.number("alpha", 0.2), call.number("beta", 0.5))
    return call.emit(op, call.input(0))


def thresholded_relu(call: Call) -> Value:
    """ThresholdedRelu: x where above alpha, else 0."""
    x = call.input(0)
    above = call.emit(ops.Greater(), x, call.scalar(call.number("alpha", 1.0), x))
    return call.emit(ops.Where(), above, x, call.scalar(0, x))


def gelu(call: Call) -> Value:
    """Gelu."""
    if call.string("approximate", "none") == "tanh":
        return call.emit(ops.Gelu("tanh"), call.input(0))
    return call.emit(ops.Gelu(), call.input(0))


def swish(call: Call) -> Value:
    """Swish: x * sigmoid(alpha * x)."""
    x, alpha = call.input(0), call.number("alpha", 1.0)
    if alpha == 1.0:
        return call.emit(ops.Silu(), x)
    gate = call.emit(ops.Sigmoid(), call.emit(ops.Mul(), x, call.scalar(alpha, x)))
    return call.emit(ops.Mul(), x, gate)


def mish(call: Call) -> Value:
    """Mish: x * tanh(softplus(x))."""
    x = call.input(0)
    return call.emit(ops.Mul(), x, call.emit(ops.Tanh(), call.emit(ops.Softplus(), x)))


def shrink(call: Call) -> Value:
    """Shrink: x moved towards zero by bias outside [-lambd, lambd], else 0."""
    x = call.input(0)
    lambd = call.number("lambd", 0.5)
    bias = call.scalar(call.number("bias", 0.0), x)
    zero = call.scalar(0, x)
    low = call.emit(ops.Less(), x, call.scalar(-lambd, x))
    high = call.emit(ops.Greater(), x, call.scalar(lambd, x))
    upper = call.emit(ops.Where(), high, call.emit(ops.Sub(), x, bias), zero)
    return call.emit(ops.Where(), low, call.emit(ops.Add(), x, bias), upper)


def is_inf(call: Call) -> Value:
    """IsInf."""
    negative = bool(call.integer("detect_negative", 1))
    return call.emit(ops.IsInf(negative, bool(call.integer("detect_positive", 1))), call.input(0))


def prelu(call: Call) -> Value:
    """PRelu: the slope broadcasts one way, to x."""
    x, slope = call.tensors()
    if broadcast_shapes("PRelu", x.type.shape, slope.type.shape) != x.type.shape:
        # Exporters of old opsets give one slope per channel without trailing dimensions.
        if slope.type.rank != 1 or x.type.rank < 2 or slope.type.shape[0] != x.type.shape[1]:
            raise call.invalid(f"slope: expected a shape that fits {x.type}, found {slope.type}")
        shape = (slope.type.dims[0],) + (1,) * (x.type.rank - 2)
        slope = call.emit(ops.Reshape(shape), slope)
    return call.emit(ops.PRelu(), x, slope)


IMPORTERS: dict[str, Import] = {
    "Abs": plain(ops.Abs()),
    "Acos": plain(ops.Acos()),
    "Acosh": plain(ops.Acosh()),
    "Add": plain(ops.Add()),
    "And": plain(ops.And()),
    "Asin": plain(ops.Asin()),
    "Asinh": plain(ops.Asinh()),
    "Atan": plain(ops.Atan()),
    "Atanh": plain(ops.Atanh()),
    "BitShift": bit_shift,
    "BitwiseAnd": plain(ops.BitwiseAnd()),
    "BitwiseNot": plain(ops.BitwiseNot()),
    "BitwiseOr": plain(ops.BitwiseOr()),
    "BitwiseXor": plain(ops.BitwiseXor()),
    "Ceil": plain(ops.Ceil()),
    "Celu": celu,
    "Clip": clip,
    "Cos": plain(ops.Cos()),
    "Cosh": plain(ops.Cosh()),
    "Div": plain(ops.Div()),
    "Elu": elu,
    "Equal": plain(ops.Equal()),
    "Erf": plain(ops.Erf()),
    "Exp": plain(ops.Exp()),
    "Floor": plain(ops.Floor()),
    "Gelu": gelu,
    "Greater": plain(ops.Greater()),
    "GreaterOrEqual": plain(ops.GreaterOrEqual()),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": plain(ops.HardSwish()),
    "IsInf": is_inf,
    "IsNaN": plain(ops.IsNan()),
    "LeakyRelu": leaky_relu,
    "Less": plain(ops.Less()),
    "LessOrEqual": plain(ops.LessOrEqual()),
    "Log": plain(ops.Log()),
    "Max": folded(ops.Max()),
    "Mean": mean,
    "Min": folded(ops.Min()),
    "Mish": mish,
    "Mod": mod,
    "Mul": plain(ops.Mul()),
    "Neg": plain(ops.Neg()),
    "Not": plain(ops.Not()),
    "Or": plain(ops.Or()),
    "PRelu": prelu,
    "Pow": power,
    "Reciprocal": plain(ops.Reciprocal()),
    "Relu": plain(ops.Relu()),
    "Round": plain(ops.Round()),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": plain(ops.Sigmoid()),
    "Sign": plain(ops.Sign()),
    "Sin": plain(ops.Sin()),
    "Sinh": plain(ops.Sinh()),
    "Softplus": plain(ops.Softplus()),
    "Softsign": plain(ops.Softsign()),
    "Sqrt": plain(ops.Sqrt()),
    "Sub": plain(ops.Sub()),
    "Sum": folded(ops.Add()),
    "Swish": swish,
    "Tan": plain(ops.Tan()),
    "Tanh": plain(ops.Tanh()),
    "ThresholdedRelu": thresholded_relu,
    "Where": plain(ops.Where()),
    "Xor": plain(ops.Xor()),
    "com.microsoft:Gelu": gelu,
    "com.microsoft:QuickGelu": swish,
}
