"""Operators whose kernels would call the C library, which firmware need not have."""

from __future__ import annotations

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Op
from graphopt.rewrite import Reject

# Of f32, those that `lower.functions` has no polynomial for.
_CALLING: tuple[type[Op], ...] = (
    ops.Sin,
    ops.Cos,
    ops.Tan,
    ops.Asin,
    ops.Acos,
    ops.Atan,
    ops.Sinh,
    ops.Cosh,
    ops.Asinh,
    ops.Acosh,
    ops.Atanh,
)
# Of f64 all of these too: the polynomials are as good as f32 is.
_POLYNOMIALS: tuple[type[Op], ...] = (
    ops.Exp,
    ops.Log,
    ops.Erf,
    ops.Tanh,
    ops.Sigmoid,
    ops.Softplus,
    ops.Silu,
    ops.Gelu,
    ops.Elu,
    ops.Softmax,
)
# Powers with these exponents are products and quotients.
_PLAIN_EXPONENTS = (1, 2, 3, -1)


def refusal(region: Graph) -> Reject | None:
    """Names the nodes of a region that no kernel without a C library computes, if there are any."""
    reasons = {node: _reason(region, node) for node in region.nodes}
    named = [f"{node}: {reason}" for node, reason in reasons.items() if reason]
    return Reject("; ".join(named)) if named else None


def _reason(region: Graph, node: Node) -> str:
    dtype = node.inputs[0].type.dtype if node.inputs else DType.F32
    if isinstance(node.op, ops.Pow):
        exponent = region.constants.get(node.inputs[1])
        plain = exponent is not None and exponent.size == 1 and exponent.item() in _PLAIN_EXPONENTS
        return "" if plain and dtype.is_float else f"pow of {dtype} {_NEEDS}"
    if isinstance(node.op, ops.Mod):
        return f"the remainder of {dtype} {_NEEDS}" if dtype.is_float else ""
    if isinstance(node.op, _CALLING):
        return f"{node.op.name} {_NEEDS}"
    if isinstance(node.op, _POLYNOMIALS) and dtype is DType.F64:
        return f"{node.op.name} of f64 {_NEEDS}"
    return ""


_NEEDS = "needs the C mathematics library"
