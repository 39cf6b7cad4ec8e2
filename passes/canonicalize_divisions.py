"""Write the division by a constant as a product."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from graphopt.ir import Array, DType, Node, Value
from graphopt.ops import (
    Cast,
    Ceil,
    Concat,
    Div,
    Elementwise,
    Equal,
    Expand,
    Floor,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Mod,
    Mul,
    Quantize,
    Reshape,
    Round,
    Sign,
    Slice,
    Transpose,
)
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass

STEPS = (
    Ceil,
    Equal,
    Floor,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Mod,
    Quantize,
    Round,
    Sign,
)


class CanonicalizeDivisions(RewritePass):
    """x / c becomes x * (1 / c).

    Powers of two are exact. Others may differ in the last bit, so only f32 and f64, and not
    where rounding, a comparison or a cast to integers could turn that bit into a step.
    """

    name = "canonicalize-divisions"
    x, c = AnyValue(), Constant()
    root = Apply(Div, x, c)

    def rewrite(self, match: Match) -> Value | Reject:
        x, divisor = match[self.x], match.constant(self.c)
        assert divisor is not None
        if not x.type.dtype.is_float:
            return Reject("the division is of integers")
        with np.errstate(all="ignore"):
            factor = np.asarray((1 / divisor.astype(np.float64)).astype(divisor.dtype))
        if not _is_normal(factor) or not _is_normal(divisor):
            return Reject("the divisor or its reciprocal is not a normal number")
        if not _powers_of_two(divisor):
            if x.type.dtype not in (DType.F32, DType.F64):
                return Reject("the reciprocal is not exact in this dtype")
            if _reaches_step(match.root.output, match):
                return Reject("the last bit decides a step")
        return match.emit(Mul(), x, match.emit_constant(factor))


def _is_normal(array: Array) -> bool:
    magnitude = np.abs(array.astype(np.float64))
    limits = ml_dtypes.finfo(array.dtype)  # type: ignore[no-untyped-call]
    least, most = float(limits.smallest_normal), float(limits.max)
    return bool(np.all((magnitude >= least) & (magnitude <= most)))


def _powers_of_two(array: Array) -> bool:
    mantissa, _ = np.frexp(array.astype(np.float64))
    return bool(np.all(np.abs(mantissa) == 0.5))


def _reaches_step(value: Value, match: Match) -> bool:
    """Whether a tiny change of `value` can change what follows by a whole step."""
    seen: set[Node] = set()
    pending = list(match.users(value))
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node.op, STEPS) or (isinstance(node.op, Cast) and not node.op.to.is_float):
            return True
        if isinstance(node.op, Elementwise | Reshape | Transpose | Slice | Concat | Expand):
            pending += match.users(node.outputs[0])
    return False
