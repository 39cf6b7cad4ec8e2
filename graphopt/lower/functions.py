"""Transcendental functions of f32 as polynomials that vectorize, and of f64 through libm.

Each is good to about 1e-7 relative and right on infinities, NaN and overflow. Coefficients: exp
from Cephes (expf.c), tanh and erf from Eigen's rational minimax fits (GenericPacketMath).
The inputs should have names (see `Scope`).
"""

from __future__ import annotations

import math

from tvm import tirx

from graphopt.lower.lanes import (
    Expr,
    Scope,
    at_least,
    at_most,
    bits,
    cast,
    const,
    element_of,
    libm,
    polynomial,
    select,
)

LOG2_E = 1.44269504088896341
# ln 2 in two parts, the first with so few bits that n * LN2_HIGH is exact.
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
# Where the f32 results of tanh and erf are 1 to the last bit or the one before.
TANH_SATURATES, ERF_SATURATES = 7.90531110763549805, 4.0


def exp(let: Scope, x: Expr) -> Expr:
    """e to the power x; infinite above 88.72, 0 below -104, subnormal results included."""
    if element_of(x) == "float64":
        return libm("exp", x)
    n, p = _reduced_expm1(let, at_least(let(at_most(x, 89.0)), -104.0))
    # Two factors, because 2**128 and 2**-150 are no normal numbers.
    half = let(tirx.floor(n * const(0.5, n)))
    return (p + const(1, p)) * _power_of_two(half) * _power_of_two(n - half)


def expm1_of_negative(let: Scope, x: Expr) -> Expr:
    """exp(x) - 1 for x <= 0, with full relative precision near 0."""
    if element_of(x) == "float64":
        return libm("expm1", x)
    n, p = _reduced_expm1(let, at_least(x, -30.0))
    scale = let(_power_of_two(n))
    return scale * p + (scale - const(1, scale))


def _reduced_expm1(let: Scope, x: Expr) -> tuple[Expr, Expr]:
    """n and exp(r) - 1, where x = n ln 2 + r and |r| <= ln 2 / 2."""
    x = let(x)
    n = let(tirx.nearbyint(x * const(LOG2_E, x)))
    r = let((x - n * const(LN2_HIGH, x)) - n * const(LN2_LOW, x))
    q = polynomial(
        r,
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
    return n, let(q * (r * r) + r)


def _power_of_two(n: Expr) -> Expr:
    """2 ** n, for an integer-valued f32 n whose power is a normal number."""
    biased = cast(n, "int32") + const(127, n, "int32")
    return bits(biased << const(23, biased), "float32")


def log(let: Scope, x: Expr) -> Expr:
    """The natural logarithm: -inf at 0, NaN below."""
    if element_of(x) == "float64":
        return libm("log", x)
    zero, inf = const(0, x), const(math.inf, x)
    subnormal = x < const(1.17549435e-38, x)
    raw = let(bits(select(subnormal, x * const(2.0**23, x), x), "int32"))
    # Exponent relative to sqrt(1/2) = 0x3f3504f3: the mantissa then lies around 1.
    n = let((raw - const(0x3F3504F3, raw)) >> const(23, raw))
    m = let(bits(raw - (n << const(23, n)), "float32"))
    exponent = let(cast(n, "float32") - select(subnormal, const(23, x), zero))
    s = let((m - const(1, m)) / (m + const(1, m)))
    value = exponent * const(LN2_HIGH, x) + (
        exponent * const(LN2_LOW, x) + _two_artanh(let, s, terms=6)
    )
    value = select(x == zero, const(-math.inf, x), select(x == inf, inf, value))
    return select(x >= zero, value, const(math.nan, x))


def _two_artanh(let: Scope, s: Expr, terms: int) -> Expr:
    """log((1 + s) / (1 - s)), by as many terms of its series."""
    square = let(s * s)
    return s * polynomial(square, *(2 / (2 * k + 1) for k in reversed(range(terms))))


def softplus(let: Scope, x: Expr) -> Expr:
    """log(1 + exp(x)), without overflow."""
    magnitude = let(tirx.abs(x))
    e = let(exp(let, let(const(0, x) - magnitude)))
    if element_of(x) == "float64":
        tail = libm("log1p", e)
    else:
        tail = _two_artanh(let, let(e / (e + const(2, e))), terms=8)
    return at_least(x, 0.0) + tail


def sigmoid(let: Scope, x: Expr) -> Expr:
    """1 / (1 + exp(-x))"""
    return const(1, x) / _sigmoid_denominator(let, x)


def silu(let: Scope, x: Expr) -> Expr:
    """x / (1 + exp(-x))"""
    return x / _sigmoid_denominator(let, x)


def _sigmoid_denominator(let: Scope, x: Expr) -> Expr:
    return const(1, x) + exp(let, let(const(0, x) - x))


def tanh(let: Scope, x: Expr) -> Expr:
    """The hyperbolic tangent."""
    if element_of(x) == "float64":
        return libm("tanh", x)
    x = let(at_least(let(at_most(x, TANH_SATURATES)), -TANH_SATURATES))
    square = let(x * x)
    above = polynomial(
        square,
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
    below = polynomial(
        square,
        1.19825839466702e-06,
        1.18534705686654e-04,
        2.26843463243900e-03,
        4.89352518554385e-03,
    )
    return x * above / below


def erf(let: Scope, x: Expr) -> Expr:
    """The error function."""
    if element_of(x) == "float64":
        return libm("erf", x)
    x = let(at_least(let(at_most(x, ERF_SATURATES)), -ERF_SATURATES))
    square = let(x * x)
    above = polynomial(
        square,
        -2.72614225801306e-10,
        2.77068142495902e-08,
        -2.10102402082508e-06,
        -5.69250639462346e-05,
        -7.34990630326855e-04,
        -2.95459980854025e-03,
        -1.60960333262415e-02,
    )
    below = polynomial(
        square,
        -1.45660718464996e-05,
        -2.13374055278905e-04,
        -1.68282697438203e-03,
        -7.37332916720468e-03,
        -1.42647390514189e-02,
    )
    return x * above / below


def gelu(let: Scope, x: Expr) -> Expr:
    """x * (1 + erf(x / sqrt 2)) / 2"""
    half = let(x * const(0.5, x))
    return half + half * erf(let, let(x * const(math.sqrt(0.5), x)))


def gelu_tanh(let: Scope, x: Expr) -> Expr:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2"""
    half = let(x * const(0.5, x))
    cubic = x * (const(1, x) + const(0.044715, x) * (x * x))
    return half + half * tanh(let, let(const(math.sqrt(2 / math.pi), x) * cubic))
