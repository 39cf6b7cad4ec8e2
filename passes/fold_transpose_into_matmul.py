"""Let a matrix product read its right side transposed."""

from dataclasses import replace

import numpy as np

from graphopt.ir import Value
from graphopt.ops import MatMul, Transpose
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldTransposeIntoMatmul(RewritePass):
    """a @ transpose(b) becomes a matmul with transpose_b, leaving at most a transpose of rows.

    The other way round for constant weights: a @ w^T becomes a @ w', which is stored transposed.
    """

    name = "fold-transpose-into-matmul"
    shares_inner = True
    a, b, weights = AnyValue(), AnyValue(), Constant()
    transpose = Apply(Transpose, b)
    on_constant = Apply(MatMul, a, weights)
    on_computed = Apply(MatMul, a, transpose)
    root = OneOf(on_constant, on_computed)

    def rewrite(self, match: Match) -> Value | Reject:
        op = match.root.op
        assert isinstance(op, MatMul)
        flipped = replace(op, transpose_b=not op.transpose_b)
        if self.on_constant in match:
            weights = match.constant(self.weights)
            if weights is None or not op.transpose_b:
                return Reject("the weights are stored as they are read")
            columns = np.ascontiguousarray(np.swapaxes(weights, -1, -2))
            return match.emit(flipped, match[self.a], match.emit_constant(columns))
        *batch, row, column = match.op(self.transpose).perm
        if row != len(batch) + 1:
            return Reject("the innermost dimension stays innermost, or comes from further out")
        perm = (*batch, column, row)
        if perm == tuple(range(len(perm))):
            return match.emit(flipped, match[self.a], match[self.b])
        return match.emit(flipped, match[self.a], match.emit(Transpose(perm), match[self.b]))
