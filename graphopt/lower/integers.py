"""Integer and boolean arithmetic, bit for bit as numpy does it."""

from __future__ import annotations

from collections.abc import Callable

from tvm import tirx

from graphopt import ops
from graphopt.ir import Op
from graphopt.lower.lanes import (
    Expr,
    Scope,
    both,
    cast,
    const,
    either,
    element_of,
    lanes_of,
    libm,
    negation,
    select,
    shuffle,
)
from graphopt.ops.unary import LARGEST_ROOT

Rule = Callable[..., Expr]


def _signed(x: Expr) -> bool:
    return element_of(x).startswith("int")


def _negated(x: Expr) -> Expr:
    if _signed(x):
        return const(0, x) - x
    # TVM tells LLVM that unsigned arithmetic never wraps; 0 - x would be taken for 0.
    return cast(_negated(cast(x, element_of(x).removeprefix("u"))), element_of(x))


def _abs(let: Scope, op: Op, x: Expr) -> Expr:
    return select(x < const(0, x), _negated(x), x) if _signed(x) else x


def _sign(let: Scope, op: Op, x: Expr) -> Expr:
    zero = const(0, x)
    if not _signed(x):
        return select(tirx.EQ(x, zero), zero, const(1, x))
    return select(x > zero, const(1, x), select(x < zero, const(-1, x), zero))


def _clip(let: Scope, op: ops.Clip, x: Expr) -> Expr:
    if op.low is not None:
        x = tirx.max(x, const(int(op.low), x))
    if op.high is not None:
        x = tirx.min(x, const(int(op.high), x))
    return x


def _safe_divisor(let: Scope, b: Expr) -> Expr:
    """b with 1 in place of 0 and of -1, by which the CPU traps on dividing."""
    trap = tirx.EQ(b, const(0, b))
    if _signed(b):
        trap = either(trap, tirx.EQ(b, const(-1, b)))
    return let(select(trap, const(1, b), b))


def _div(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    quotient = tirx.truncdiv(a, _safe_divisor(let, b))
    if _signed(a):
        quotient = select(tirx.EQ(b, const(-1, b)), _negated(a), quotient)
    return select(tirx.EQ(b, const(0, b)), const(0, a), quotient)


def _mod(let: Scope, op: ops.Mod, a: Expr, b: Expr) -> Expr:
    # Both traps have remainder 0, which is also that of dividing by 1.
    safe = _safe_divisor(let, b)
    rest = let(tirx.truncmod(a, safe))
    if op.truncated or not _signed(a):
        return rest
    negative = (rest ^ safe) < const(0, rest)
    return select(both(tirx.NE(rest, const(0, rest)), negative), rest + safe, rest)


def _pow(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    power = libm("pow", let(cast(a, "float64")), let(cast(b, "float64")))
    return cast(cast(power, "int64"), element_of(a))


def _shift(a: Expr, b: Expr, left: bool) -> Expr:
    """Shifts by the width or more leave nothing, or only the sign."""
    width = int(element_of(a).removeprefix("u").removeprefix("int"))
    last = const(width - 1, b)
    within = b < const(width, b)
    if _signed(b):
        within = both(within, b >= const(0, b))
    held = select(within, b, last)
    shifted = (a << held) if left else (a >> held)
    keeps_sign = _signed(a) and not left
    return shifted if keeps_sign else select(within, shifted, const(0, a))


def _prelu(let: Scope, op: Op, x: Expr, slope: Expr) -> Expr:
    return select(x >= const(0, x), x, x * slope)


def _xor(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    return tirx.NE(cast(a, "int8"), cast(b, "int8"))


def _equal(let: Scope, op: Op, a: Expr, b: Expr) -> Expr:
    if element_of(a) == "bool":
        a, b = cast(a, "int8"), cast(b, "int8")
    return tirx.EQ(a, b)


def _sqrt(let: Scope, op: Op, x: Expr) -> Expr:
    """f64 finds the root; where it does not hold x, the root may be off by one."""
    wide = let(cast(tirx.max(x, const(0, x)), "uint64"))
    found = tirx.sqrt(cast(wide, "float64"))
    root = let(cast(tirx.min(found, const(LARGEST_ROOT, found)), "uint64"))
    none, one = const(0, wide), const(1, wide)
    root = let(root - select(root * root > wide, one, none))
    root = root + select(wide - root * root > root + root, one, none)
    return cast(root, element_of(x))


def _rescale(let: Scope, op: Op, x: Expr, multiplier: Expr, offset: Expr) -> Expr:
    lanes = lanes_of(x)
    if lanes % 2:
        product = cast(x, "int64") * cast(multiplier, "int64")
        rounded = (product + const(1 << 31, product)) >> const(32, product)
        return cast(rounded, "int32") + offset
    # Even and odd lanes apart, in which form LLVM sees the multiplications of x86 (vpmuldq); the
    # upper halves of the 64-bit results are the odd 32-bit lanes.
    inputs = [x, multiplier, offset]
    odd_lanes = [i | 1 for i in range(lanes)]
    even = _scaled(*inputs)
    odd = _scaled(*(shuffle([each], odd_lanes) for each in inputs))
    upper = [i + 1 if i % 2 == 0 else lanes + i for i in range(lanes)]
    return shuffle([even, odd], upper)


def _scaled(x: Expr, multiplier: Expr, offset: Expr) -> Expr:
    """Of the even lanes: x * multiplier + 2^31 + offset * 2^32 in 64 bits, seen as i32 again."""
    inputs = (x, multiplier, offset)
    wide = f"int64x{lanes_of(x) // 2}".removesuffix("x1")
    # The odd lanes are still there, in the upper halves.
    pairs = [tirx.reinterpret(wide, each) for each in inputs]
    half = const(1 << 31, pairs[0])
    first, second, above = (each << const(32, each) for each in pairs)
    product = (first >> const(32, first)) * (second >> const(32, second))
    return tirx.reinterpret(f"int32x{lanes_of(x)}", product + (above + half))


INTEGER: dict[type[Op], Rule] = {
    ops.Abs: _abs,
    ops.Neg: lambda let, op, x: _negated(x),
    ops.Sign: _sign,
    ops.Floor: lambda let, op, x: x,
    ops.Ceil: lambda let, op, x: x,
    ops.Round: lambda let, op, x: x,
    ops.Relu: lambda let, op, x: tirx.max(x, const(0, x)),
    ops.Clip: _clip,
    ops.Not: lambda let, op, x: negation(x),
    ops.BitwiseNot: lambda let, op, x: ~x,
    ops.Add: lambda let, op, a, b: a + b,
    ops.Sub: lambda let, op, a, b: a - b,
    ops.Mul: lambda let, op, a, b: a * b,
    ops.Min: lambda let, op, a, b: tirx.min(a, b),
    ops.Max: lambda let, op, a, b: tirx.max(a, b),
    ops.And: lambda let, op, a, b: both(a, b),
    ops.Or: lambda let, op, a, b: either(a, b),
    ops.Xor: _xor,
    ops.BitwiseAnd: lambda let, op, a, b: a & b,
    ops.BitwiseOr: lambda let, op, a, b: a | b,
    ops.BitwiseXor: lambda let, op, a, b: a ^ b,
    ops.ShiftLeft: lambda let, op, a, b: _shift(a, b, left=True),
    ops.ShiftRight: lambda let, op, a, b: _shift(a, b, left=False),
    ops.Equal: _equal,
    ops.Less: lambda let, op, a, b: a < b,
    ops.LessOrEqual: lambda let, op, a, b: a <= b,
    ops.Greater: lambda let, op, a, b: a > b,
    ops.GreaterOrEqual: lambda let, op, a, b: a >= b,
    ops.Div: _div,
    ops.Mod: _mod,
    ops.Pow: _pow,
    ops.PRelu: _prelu,
    ops.Rescale: _rescale,
    ops.Sqrt: _sqrt,
}
