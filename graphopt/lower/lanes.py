"""The few words in which elementwise mathematics is written over TIR expressions.

An expression here is a scalar or a vector: `dtype_of` says which, and `const` and `cast` follow
the number of lanes of the expression they are used with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import tirx

# tvm ships no type stubs; every expression is an opaque object to the type checkers.
Expr = Any


def dtype_of(x: Expr) -> str:
    """The dtype with lanes, for example "float32x8"."""
    return str(x.ty.dtype)


def element_of(x: Expr) -> str:
    """The dtype of one lane, for example "float32"."""
    return dtype_of(x).partition("x")[0]


def lanes_of(x: Expr) -> int:
    """The number of lanes; 1 for a scalar."""
    return int(dtype_of(x).partition("x")[2] or 1)


def with_lanes(element: str, like: Expr) -> str:
    """The dtype of `element` with as many lanes as `like`."""
    lanes = lanes_of(like)
    return element if lanes == 1 else f"{element}x{lanes}"


def const(value: float, like: Expr, element: str = "") -> Expr:
    """A constant with the lanes of `like`, and its element type unless `element` is given."""
    return tirx.const(value, with_lanes(element or element_of(like), like))


def cast(x: Expr, element: str) -> Expr:
    """Another element type, by the conversion of the machine."""
    return x if element_of(x) == element else tirx.Cast(with_lanes(element, x), x)


def bits(x: Expr, element: str) -> Expr:
    """The same bits, seen as another element type of equal width."""
    return tirx.reinterpret(with_lanes(element, x), x)


class Scope:
    """Names for expressions that are used more than once.

    Expressions are trees to every pass of TVM: without names, a chain of operators that each use
    their input twice doubles in size at every step.
    """

    def __init__(self) -> None:
        self._bound: list[tuple[Expr, Expr]] = []

    def __call__(self, x: Expr) -> Expr:
        """A name for `x`, which is then computed once."""
        if isinstance(x, tirx.Var) or literal(x) is not None:
            return x
        var = tirx.Var(f"t{len(self._bound)}", dtype_of(x))
        self._bound.append((var, x))
        return var

    def close(self, result: Expr) -> Expr:
        """`result`, within which the names stand for their expressions."""
        for var, x in reversed(self._bound):
            result = tirx.Let(var, x, result)
        return result


def literal(x: Expr) -> float | None:
    """The number that a constant holds in each lane; None for any other expression."""
    while isinstance(x, tirx.Broadcast):
        x = x.value
    return x.value if isinstance(x, (tirx.IntImm, tirx.FloatImm)) else None


def select(condition: Expr, yes: Expr, no: Expr) -> Expr:
    """`yes` where the condition holds, else `no`; both are computed."""
    return tirx.Select(condition, yes, no)


def shuffle(vectors: Sequence[Expr], lanes: Sequence[int]) -> Expr:
    """The lanes of these numbers of all `vectors` laid side by side."""
    return tirx.Shuffle(list(vectors), [tirx.IntImm("int32", lane) for lane in lanes])


def is_nan(x: Expr) -> Expr:
    """Whether x is NaN; told by its bits, which no simplifier reasons about."""
    if element_of(x) == "float64":
        raw, rest, inf = "int64", (1 << 63) - 1, 0x7FF0 << 48
    else:
        raw, rest, inf = "int32", (1 << 31) - 1, 0x7F80 << 16
    return (bits(x, raw) & const(rest, x, raw)) > const(inf, x, raw)


def both(a: Expr, b: Expr) -> Expr:
    """Logical and, of bits: TVM's own `And` fails on vectors that its simplifier reasons about."""
    return a & b


def either(a: Expr, b: Expr) -> Expr:
    """Logical or."""
    return a | b


def negation(a: Expr) -> Expr:
    """Logical not. TVM would turn that of a < b into b <= a, which is wrong for NaN."""
    true = tirx.const(True, "bool")
    return a ^ (true if lanes_of(a) == 1 else tirx.Broadcast(true, lanes_of(a)))


def at_most(x: Expr, bound: float) -> Expr:
    """min(x, bound) that keeps NaN, in one instruction. `x` should have a name."""
    limit = const(bound, x)
    return select(limit < x, limit, x)


def at_least(x: Expr, bound: float) -> Expr:
    """max(x, bound) that keeps NaN, in one instruction. `x` should have a name."""
    limit = const(bound, x)
    return select(limit > x, limit, x)


def polynomial(x: Expr, *coefficients: float) -> Expr:
    """Horner's rule; the coefficient of the highest power comes first."""
    total = const(coefficients[0], x)
    for c in coefficients[1:]:
        total = total * x + const(c, x)
    return total


def libm(name: str, *inputs: Expr) -> Expr:
    """A function of the C mathematics library, called lane by lane.

    `name` is that of the double precision function; f32 calls the one with the suffix f.
    """
    first = inputs[0]
    element, lanes = element_of(first), lanes_of(first)
    symbol = name + "f" if element == "float32" else name
    if lanes == 1:
        return tirx.call_pure_extern(element, symbol, *inputs)
    calls = [
        tirx.call_pure_extern(element, symbol, *(shuffle([x], [lane]) for x in inputs))
        for lane in range(lanes)
    ]
    return shuffle(calls, range(lanes))
