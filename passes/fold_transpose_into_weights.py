"""Reorder the rows of a weight matrix rather than the features that it meets."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import MatMul, Reshape, Transpose
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class FoldTransposeIntoWeights(RewritePass):
    """reshape(transpose(x)) @ w becomes reshape(x) @ w', w' with its rows in the order of x.

    For a reshape to [N, K] that flattens all but the first dimension, which stays in place.
    """

    name = "fold-transpose-into-weights"
    x, weights = AnyValue(), Constant()
    transpose = Apply(Transpose, x)
    reshape = Apply(Reshape, transpose)
    root = Apply(MatMul, reshape, weights)

    def rewrite(self, match: Match) -> Value | Reject:
        op, x = match.root.op, match[self.x]
        perm = match.op(self.transpose).perm
        shape = match[self.transpose].type.dims
        weights = match.constant(self.weights)
        assert weights is not None and isinstance(op, MatMul)
        flat = match[self.reshape].type.dims
        if perm[0] != 0 or len(flat) != 2 or flat[0] != shape[0] or weights.ndim != 2:
            return Reject("the reshape does not flatten all but the first dimension")
        rows = np.transpose(weights) if op.transpose_b else weights
        spread = rows.reshape(*shape[1:], rows.shape[1])
        back = tuple(perm.index(axis) - 1 for axis in range(1, len(perm)))
        ordered = spread.transpose(*back, len(back)).reshape(rows.shape)
        flattened = match.emit(Reshape(flat), x)
        return match.emit(MatMul(), flattened, match.emit_constant(np.ascontiguousarray(ordered)))
