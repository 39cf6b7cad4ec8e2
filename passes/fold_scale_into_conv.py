"""Fold a factor per output channel into the weights of a convolution."""

import numpy as np

from graphopt.analysis.axes import along_axis
from graphopt.ir import Array, Value
from graphopt.ops import Conv, ConvTranspose, Mul, Quantize
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldScaleIntoConv(RewritePass):
    """conv(x, w, b) * s becomes conv(x, w * s, b * s), also for conv_transpose.

    Not where the product is quantized and the weights are whole numbers: their sums are those of
    an integer model, exact in any order, and must round as they do there.
    """

    name = "fold-scale-into-conv"
    x, scale = AnyValue(), Constant()
    conv = Apply(Conv, x, Constant(), ...)
    transposed = Apply(ConvTranspose, x, Constant(), ...)
    root = Apply(Mul, OneOf(conv, transposed), scale)

    def rewrite(self, match: Match) -> Value | Reject:
        node = match.node(self.conv if self.conv in match else self.transposed)
        op = node.op
        last = isinstance(op, Conv) and op.layout == "NHWC"
        axis = node.output.type.rank - 1 if last else 1
        scale_array = match.constant(self.scale)
        assert scale_array is not None
        scale = along_axis(scale_array, node.output.type.dims, axis)
        if scale is None:
            return Reject("the factor is not one number per output channel")
        arrays = [match.constant(value) for value in node.inputs[1:]]
        weights = arrays[0]
        assert weights is not None
        readers = match.users(match.root.output)
        if any(isinstance(n.op, Quantize) for n in readers) and (weights == np.rint(weights)).all():
            return Reject("the sums are exact integers, about to be quantized")
        scaled = [_scale_outputs(weights, scale, node.op)]
        if len(arrays) == 2:
            if arrays[1] is None:
                return Reject("the bias is computed")
            scaled.append(arrays[1] * scale)
        return match.emit(op, match[self.x], *map(match.emit_constant, scaled))


def _scale_outputs(weights: Array, scale: Array, op: object) -> Array:
    ones = (1,) * (weights.ndim - 2)
    if isinstance(op, ConvTranspose):
        # Weights are [I, O/groups, ...]; each group of inputs has outputs of its own.
        per_group = scale.reshape(op.groups, 1, -1)
        rows = np.repeat(per_group, weights.shape[0] // op.groups, axis=1)
        return np.asarray(weights * rows.reshape(*weights.shape[:2], *ones))
    return np.asarray(weights * scale.reshape(-1, 1, *ones))
