"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.reduction import SHORT_AXIS, folded
from graphopt.lower.te.tensor import Expr, Index, Program, Tensor, broadcast, cast_of, wide

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter


def matmul(p: Program, op: ops.MatMul, inputs: Inputs, outputs: Types) -> Inputs:
    """Sums over the last axis of [..., m, n, k] products."""
    a, b = (p.stored(t) for t in inputs)
    check_computes(a.dtype)
    (result,) = outputs
    acc = wide(result.dtype)
    depth = a.shape[-1]
    batch, (m, n) = result.dims[:-2], result.dims[-2:]
    read_a = broadcast(cast_of(a, acc), (*batch, m, depth))
    b_shape = (n, depth) if op.transpose_b else (depth, n)
    read_b = broadcast(cast_of(b, acc), (*batch, *b_shape))

    def product(e: Emitter, index: Index) -> Expr:
        *outer, i, j, k = index
        right = (j, k) if op.transpose_b else (k, j)
        return e.apply(ops.Mul(), read_a(e, (*outer, i, k)), read_b(e, (*outer, *right)))

    products = Tensor(acc, (*result.dims, depth), product)
    by_depth = op.transpose_b and depth >= SHORT_AXIS
    total = folded(products, (len(result.dims),), ops.Add(), 0, keepdims=False, across=by_depth)
    return (cast_of(total, result.dtype),)
