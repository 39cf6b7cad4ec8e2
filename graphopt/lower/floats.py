"""Arithmetic of f32 and f64, with numpy's behaviour on NaN and infinities."""

from __future__ import annotations

import math
from collections.abc import Callable

from tvm import tirx

from graphopt import ops
from graphopt.ir import Op
from graphopt.lower import functions as f
from graphopt.lower.lanes import (
    Expr,
    Scope,
    at_least,
    at_most,
    both,
    const,
    either,
    is_nan,
    libm,
    literal,
    select,
)

Rule = Callable[..., Expr]


def _abs(let: Scope, op: Op, x: Expr) -> Expr:
    return tirx.abs(x)


def _sign(let: Scope, op: Op, x: Expr) -> Expr:
    zero = const(0, x)
    return select(x > zero, const(1, x), select(x < zero, const(-1, x), x))


def _softsign(let: Scope, op: Op, x: Expr) -> Expr:
    return x / (const(1, x) + tirx.abs(x))


def _unit_ramp(let: Scope, x: Expr, slope: float, offset: float) -> Expr:
    """clip(slope * x + offset, 0, 1)"""
    return at_most(let(at_least(let(x * const(slope, x) + const(offset, x)), 0.0)), 1.0)


def _gelu(let: Scope, op: ops.Gelu, x: Expr) -> Expr:
    return f.gelu(let, x) if op.approximate == "none" else f.gelu_tanh(let, x)


def _clip(let: Scope, op: ops.Clip, x: Expr) -> Expr:
    if op.low is not None:
        x = let(at_least(x, op.low))
    if op.high is not None:
        x = let(at_most(x, op.high))
    return x


def _leaky_relu(let: Scope, op: ops.LeakyRelu, x: Expr) -> Expr:
    return select(x >= const(0, x), x, x * const(op.alpha, x))


def _elu(let: Scope, op: ops.Elu, x: Expr) -> Expr:
    negative = const(op.alpha, x) * f.expm1_of_negative(let, let(at_most(x, 0.0)))
    return const(op.gamma, x) * select(x > const(0, x), x, negative)


def _min(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    for x, other in ((a, b), (b, a)):
        bound = literal(other)
        if bound is not None and not math.isnan(bound):
            return at_most(x, bound)
    return select(is_nan(a), a, select(a < b, a, b))


def _max(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    for x, other in ((a, b), (b, a)):
        bound = literal(other)
        if bound is not None and not math.isnan(bound):
            return at_least(x, bound)
    return select(is_nan(a), a, select(a > b, a, b))


def _pow(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    exponent = literal(b)
    if exponent == 1:
        return a
    if exponent == 2:
        return a * a
    if exponent == 3:
        return a * a * a
    if exponent == -1:
        return const(1, a) / a
    return libm("pow", a, b)


def _mod(let: Scope, op: ops.Mod, a: Expr, b: Expr) -> Expr:
    rest = libm("fmod", a, b)
    if op.truncated:
        return rest
    rest, zero = let(rest), const(0, a)
    other_sign = either(both(rest < zero, b > zero), both(rest > zero, b < zero))
    return select(other_sign, rest + b, rest)


def _prelu(let: Scope, op: Op, x: Expr, slope: Expr) -> Expr:
    return select(x >= const(0, x), x, x * slope)


def _is_inf(let: Scope, op: ops.IsInf, x: Expr) -> Expr:
    inf = const(math.inf, x)
    if op.positive and op.negative:
        return tirx.EQ(tirx.abs(x), inf)
    if op.positive:
        return tirx.EQ(x, inf)
    if op.negative:
        return tirx.EQ(x, const(-math.inf, x))
    return const(False, x, "bool")


def _libm(name: str) -> Rule:
    return lambda let, op, x: libm(name, x)


FLOAT: dict[type[Op], Rule] = {
    ops.Abs: _abs,
    # A product, so that the sign of zero changes too.
    ops.Neg: lambda let, op, x: x * const(-1, x),
    ops.Exp: lambda let, op, x: f.exp(let, x),
    ops.Log: lambda let, op, x: f.log(let, x),
    ops.Sqrt: lambda let, op, x: tirx.sqrt(x),
    ops.Reciprocal: lambda let, op, x: const(1, x) / x,
    ops.Floor: lambda let, op, x: tirx.floor(x),
    ops.Ceil: lambda let, op, x: tirx.ceil(x),
    ops.Round: lambda let, op, x: tirx.nearbyint(x),
    ops.Sign: _sign,
    ops.Erf: lambda let, op, x: f.erf(let, x),
    ops.Sin: _libm("sin"),
    ops.Cos: _libm("cos"),
    ops.Tan: _libm("tan"),
    ops.Asin: _libm("asin"),
    ops.Acos: _libm("acos"),
    ops.Atan: _libm("atan"),
    ops.Sinh: _libm("sinh"),
    ops.Cosh: _libm("cosh"),
    ops.Tanh: lambda let, op, x: f.tanh(let, x),
    ops.Asinh: _libm("asinh"),
    ops.Acosh: _libm("acosh"),
    ops.Atanh: _libm("atanh"),
    ops.Relu: lambda let, op, x: at_least(x, 0.0),
    ops.Sigmoid: lambda let, op, x: f.sigmoid(let, x),
    ops.Softplus: lambda let, op, x: f.softplus(let, x),
    ops.Softsign: _softsign,
    ops.HardSwish: lambda let, op, x: x * _unit_ramp(let, x, 1 / 6, 0.5),
    ops.HardSigmoid: lambda let, op, x: _unit_ramp(let, x, op.alpha, op.beta),
    ops.Silu: lambda let, op, x: f.silu(let, x),
    ops.Gelu: _gelu,
    ops.Clip: _clip,
    ops.LeakyRelu: _leaky_relu,
    ops.Elu: _elu,
    ops.Add: lambda let, op, a, b: a + b,
    ops.Sub: lambda let, op, a, b: a - b,
    ops.Mul: lambda let, op, a, b: a * b,
    ops.Div: lambda let, op, a, b: a / b,
    ops.Min: _min,
    ops.Max: _max,
    ops.Pow: _pow,
    ops.Mod: _mod,
    ops.PRelu: _prelu,
    ops.Equal: lambda let, op, a, b: tirx.EQ(a, b),
    ops.Less: lambda let, op, a, b: a < b,
    ops.LessOrEqual: lambda let, op, a, b: a <= b,
    ops.Greater: lambda let, op, a, b: a > b,
    ops.GreaterOrEqual: lambda let, op, a, b: a >= b,
    ops.IsNan: lambda let, op, x: is_nan(x),
    ops.IsInf: _is_inf,
}
