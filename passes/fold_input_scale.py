"""Fold a factor per input channel into the weights that it meets."""

import numpy as np

from graphopt.analysis.axes import along_axis
from graphopt.ir import Array, Node, Value
from graphopt.ops import Conv, MatMul, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldInputScale(RewritePass):
    """conv(x * s, w, b) becomes conv(x, w * s, b), and (x * s) @ w becomes x @ (s * w).

    Only where every reader of x * s is such a node, so that the product disappears.
    """

    name = "fold-input-scale"
    shares_inner = True
    x, scale, w = AnyValue(), Constant(), Constant()
    scaled = Apply(Mul, x, scale)
    root = OneOf(Apply(Conv, scaled, w, ...), Apply(MatMul, scaled, w))

    def rewrite(self, match: Match) -> Value | Reject:
        product = match[self.scaled]
        if product.type != match[self.x].type:
            return Reject("the product broadcasts x")
        users = match.users(product)
        if match.uses(product) > len(users) or not all(
            reads_with_weights(user, product, match) for user in users
        ):
            return Reject("x * s has a reader without constant weights")
        factor, weights = match.constant(self.scale), match.constant(self.w)
        assert factor is not None and weights is not None
        node = match.root
        scale = along_axis(factor, product.type.dims, input_channel_axis(node))
        if scale is None:
            return Reject("the factor is not one number per input channel")
        scaled = match.emit_constant(_scale_inputs(weights, scale, node))
        return match.emit(node.op, match[self.x], scaled, *node.inputs[2:])


def input_channel_axis(node: Node) -> int:
    """The axis of x that a convolution or matrix product sums over."""
    last = isinstance(node.op, MatMul) or (isinstance(node.op, Conv) and node.op.layout == "NHWC")
    return node.inputs[0].type.rank - 1 if last else 1


def reads_with_weights(node: Node, x: Value, match: Match) -> bool:
    """Whether `node` multiplies x by constant weights."""
    if not isinstance(node.op, Conv | MatMul) or node.inputs[0] is not x:
        return False
    return match.constant(node.inputs[1]) is not None


def _scale_inputs(weights: Array, scale: Array, node: Node) -> Array:
    if isinstance(node.op, Conv):
        # Weights are [O, I/groups, ...]: output o reads the inputs of its group.
        per_group = scale.reshape(node.op.groups, 1, -1)
        rows = np.repeat(per_group, weights.shape[0] // node.op.groups, axis=1)
        ones = (1,) * (weights.ndim - 2)
        return np.asarray(weights * rows.reshape(*weights.shape[:2], *ones))
    assert isinstance(node.op, MatMul)
    return np.asarray(weights * (scale if node.op.transpose_b else scale[:, None]))
