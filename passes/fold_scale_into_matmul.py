"""Fold a factor per output column into the weights of a matrix product."""

import numpy as np

from graphopt.analysis.axes import along_axis
from graphopt.ir import Value
from graphopt.ops import MatMul, Mul, Quantize
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class FoldScaleIntoMatmul(RewritePass):
    """(x @ w) * s becomes x @ (w * s).

    Not where the product is quantized and w holds whole numbers, as in fold-scale-into-conv.
    """

    name = "fold-scale-into-matmul"
    x, w, scale = AnyValue(), Constant(), Constant()
    matmul = Apply(MatMul, x, w)
    root = Apply(Mul, matmul, scale)

    def rewrite(self, match: Match) -> Value | Reject:
        op = match.op(self.matmul)
        shape = match[self.matmul].type.dims
        weights, scale_array = match.constant(self.w), match.constant(self.scale)
        assert weights is not None and scale_array is not None
        scale = along_axis(scale_array, shape, len(shape) - 1)
        if scale is None:
            return Reject("the factor is not one number per column")
        readers = match.users(match.root.output)
        if any(isinstance(n.op, Quantize) for n in readers) and (weights == np.rint(weights)).all():
            return Reject("the sums are exact integers, about to be quantized")
        scaled = weights * (scale[:, None] if op.transpose_b else scale)
        return match.emit(op, match[self.x], match.emit_constant(np.asarray(scaled)))
