"""Fold the zero point of what a product reads into its bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphopt.analysis.axes import column
from graphopt.ir import Array, DType, Value
from graphopt.ops import Add, Cast, Conv, MatMul, Sub
from graphopt.passes.integer_products import output_axis
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldZeroPoints(RewritePass):
    """conv(x - zero, w, b) becomes conv(x, w, b - zero * sum(w)), which pads with zero.

    For matmul the constant is added behind. Exact: sums of integers, in which wrapping cancels.
    """

    name = "fold-zero-points"
    shares_inner = True
    x, zero, w = AnyValue(), Constant(), Constant()
    shifted = Apply(Sub, Apply(Cast, x), zero)
    root = OneOf(Apply(Conv, shifted, w, ...), Apply(MatMul, shifted, w))

    def rewrite(self, match: Match) -> Value | Reject:
        node, op, x = match.root, match.root.op, match[self.x]
        zero, weights = match.constant(self.zero), match.constant(self.w)
        assert zero is not None and weights is not None
        if zero.size != 1 or not x.type.dtype.is_integer or x.type.dtype.bits > 8:
            return Reject("expected integers of at most 8 bits with one zero point")
        if node.output.type.dtype is not DType.I32:
            return Reject("the sums are not in i32")
        point = int(zero.reshape(-1)[0])
        terms = tuple(i for i in range(weights.ndim) if i != output_axis(op, weights.ndim))
        if isinstance(op, Conv):
            if op.pad_value and any(op.pads):
                return Reject("the padding is not zeros")
            moved = -point * weights.astype(np.int64).sum(axis=terms)
            bias = (
                match.constant(node.inputs[2]) if len(node.inputs) == 3 else np.zeros(1, np.int64)
            )
            if bias is None:
                return Reject("the bias is computed")
            return match.emit(
                replace(op, pad_value=point), x, match[self.w], _constant(match, bias + moved)
            )
        if weights.ndim != 2:
            return Reject("w is more than one matrix")
        moved = -point * weights.astype(np.int64).sum(axis=terms)
        shape = column(node.output.type.rank - 1, node.output.type.rank)
        product = match.emit(op, x, match[self.w])
        return match.emit(Add(), product, _constant(match, moved.reshape(shape)))


def _constant(match: Match, array: Array) -> Value:
    return match.emit_constant(array.astype(np.int64).astype(np.int32))
