"""Roots and roundings in the arithmetic of a core that has no instruction for them.

Without this LLVM calls the C mathematics library, which firmware need not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tvm_ffi
from tvm import ir, tirx
from tvm.tirx import PrimFunc

from graphopt.lower.lanes import Expr, Scope, bits, cast, const, element_of, is_nan, select
from graphopt.targets import McuTarget

Rule = Callable[[Scope, Expr], Expr]
# By element type: integers of the same width, bits of the mantissa, the bit of the sign, and the
# number from which the bits of x halved are subtracted for a first guess of 1 / sqrt(x) (Lomont
# 2003: Fast inverse square root), with the steps of Newton's method that lead to the last bits.
_INTEGERS = {"float32": "int32", "float64": "int64"}
_MANTISSA = {"float32": 23, "float64": 52}
_SIGN = {"float32": -(1 << 31), "float64": -(1 << 63)}
_GUESS = {"float32": (0x5F3759DF, 3), "float64": (0x5FE6EB50C7B537A9, 4)}


def spelled_out(function: PrimFunc, target: McuTarget) -> PrimFunc:
    """`function` without roots and roundings that `target` has no instruction for."""

    def replaced(call: Expr) -> Expr:
        rule = _RULES.get(getattr(call.op, "name", ""))
        element = element_of(call) if rule else ""
        if rule is None or element not in _INTEGERS or _has(target, element, call.op.name):
            return call
        let = Scope()
        return let.close(rule(let, let(call.args[0])))

    result: PrimFunc = tvm_ffi.structural_map(function, (ir.Call, replaced))
    return result


def _has(target: McuTarget, element: str, name: str) -> bool:
    """Whether the core has the instruction."""
    if target.fpu == "none" or (element == "float64" and target.fpu != "double"):
        return False
    return name == "tirx.sqrt" or target.rounding


def _nearbyint(let: Scope, x: Expr) -> Expr:
    """To even: adding 2^mantissa leaves the whole number in the bits of the mantissa."""
    element, integer = element_of(x), _INTEGERS[element_of(x)]
    magnitude = let(tirx.abs(x))
    large = const(2.0 ** _MANTISSA[element], x)
    whole = bits(magnitude + large, integer) - bits(large, integer)
    sign = bits(x, integer) & const(_SIGN[element], x, integer)
    rounded = bits(bits(cast(whole, element), integer) | sign, element)
    # From 2^mantissa on all are whole.
    return select(magnitude < large, rounded, x)


def _floor(let: Scope, x: Expr) -> Expr:
    nearest = let(_nearbyint(let, x))
    return select(nearest > x, nearest - const(1, x), nearest)


def _ceil(let: Scope, x: Expr) -> Expr:
    nearest = let(_nearbyint(let, x))
    return select(nearest < x, nearest + const(1, x), nearest)


def _sqrt(let: Scope, x: Expr) -> Expr:
    """x / sqrt(x), of which the reciprocal is found by Newton's method."""
    element = element_of(x)
    magic, steps = _GUESS[element]
    raw = bits(x, _INTEGERS[element])
    inverse = let(bits(const(magic, raw) - (raw >> const(1, raw)), element))
    half = let(x * const(0.5, x))
    for _ in range(steps):
        inverse = let(inverse * (const(1.5, x) - half * inverse * inverse))
    root = let(x * inverse)
    root = root + const(0.5, x) * inverse * (x - root * root)
    zero, infinity = const(0, x), const(math.inf, x)
    root = select(tirx.EQ(x, zero), x, select(tirx.EQ(x, infinity), x, root))
    return select(is_nan(x), x, select(x < zero, const(math.nan, x), root))


_RULES: dict[str, Rule] = {
    "tirx.nearbyint": _nearbyint,
    "tirx.floor": _floor,
    "prim.ceil": _ceil,
    "tirx.sqrt": _sqrt,
}
