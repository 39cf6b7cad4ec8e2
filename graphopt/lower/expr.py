"""The elementwise operators as TIR expressions, on scalars and vectors alike.

Used by the tensor expressions and by the epilogues of hand-written kernels, so each operator's
arithmetic stands once. f16 computes in f32 and rounds once; bf16 is held in an f32, and rounding
it is up to the caller (`Cast(DType.BF16)`).
"""

from __future__ import annotations

from graphopt import ops
from graphopt.errors import UnsupportedOperator
from graphopt.ir import DType, Op
from graphopt.lower.casts import cast_to
from graphopt.lower.dtypes import tvm_dtype
from graphopt.lower.floats import FLOAT
from graphopt.lower.integers import INTEGER
from graphopt.lower.lanes import Expr, Scope, bits, element_of, select


def expression(op: Op, *inputs: Expr) -> Expr:
    """What `op` computes from one element, or one vector of elements, of each input.

    Args:
        op: an elementwise operator.
        inputs: expressions with equal lanes, in the dtypes that `tvm_dtype` gives.

    Returns:
        an expression with as many lanes, in the result's dtype. It evaluates each input once.

    Raises:
        UnsupportedOperator: the operator has no expression for this dtype.
    """
    let = Scope()
    return let.close(_apply(let, op, [let(x) for x in inputs]))


def _apply(let: Scope, op: Op, inputs: list[Expr]) -> Expr:
    if isinstance(op, ops.Cast):
        return cast_to(let, inputs[0], op.to)
    if isinstance(op, ops.Bitcast):
        return bits(inputs[0], tvm_dtype(op.to))
    if isinstance(op, ops.Where):
        return select(*inputs)
    element = element_of(inputs[0])
    if element == "float16":
        wide = _apply(let, op, [let(cast_to(let, x, DType.F32)) for x in inputs])
        return wide if element_of(wide) == "bool" else cast_to(let, let(wide), DType.F16)
    rule = (FLOAT if element.startswith("float") else INTEGER).get(type(op))
    if rule is None:
        raise UnsupportedOperator(
            op.name,
            f"dtype: expected one that the operator computes in, found {element}",
            "cast the input to f32 or to an integer type",
        )
    return rule(let, op, *inputs)
