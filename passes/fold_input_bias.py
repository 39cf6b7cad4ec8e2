"""Move an addition per input channel behind the weights that it meets."""

import numpy as np

from graphopt.analysis.axes import along_axis
from graphopt.ir import Value
from graphopt.ops import Add, Conv, MatMul
from graphopt.passes.fold_input_scale import input_channel_axis, reads_with_weights
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldInputBias(RewritePass):
    """conv(x + c, w, b) becomes conv(x, w, b + sum(w * c)); (x + c) @ w becomes x @ w + c @ w.

    Only for convolutions without padding, whose zeros the addition does not reach, and where
    every reader of x + c is such a node, so that the sum disappears.
    """

    name = "fold-input-bias"
    shares_inner = True
    x, addend, w = AnyValue(), Constant(), Constant()
    shifted = Apply(Add, x, addend)
    root = OneOf(Apply(Conv, shifted, w, ...), Apply(MatMul, shifted, w))

    def rewrite(self, match: Match) -> Value | Reject:
        total = match[self.shifted]
        node = match.root
        if total.type != match[self.x].type:
            return Reject("the sum broadcasts x")
        users = match.users(total)
        if match.uses(total) > len(users) or not all(
            reads_with_weights(user, total, match)
            and not (isinstance(user.op, Conv) and any(user.op.pads))
            for user in users
        ):
            return Reject("x + c has a reader with padding or without constant weights")
        addend, weights = match.constant(self.addend), match.constant(self.w)
        assert addend is not None and weights is not None
        shift = along_axis(addend, total.type.dims, input_channel_axis(node))
        if shift is None:
            return Reject("the addend is not one number per input channel")
        if isinstance(node.op, MatMul):
            across = np.swapaxes(weights, -1, -2) if node.op.transpose_b else weights
            product = match.emit(node.op, match[self.x], match[self.w])
            return match.emit(Add(), product, match.emit_constant(shift @ across))
        assert isinstance(node.op, Conv)
        per_group = np.repeat(
            shift.reshape(node.op.groups, -1), weights.shape[0] // node.op.groups, axis=0
        )
        taps = weights.reshape(*weights.shape[:2], -1).sum(axis=2)
        bias = (taps * per_group).sum(axis=1).astype(weights.dtype)
        if len(node.inputs) == 3:
            old = match.constant(node.inputs[2])
            if old is None:
                return Reject("the bias is computed")
            bias = bias + old
        return match.emit(node.op, match[self.x], match[self.w], match.emit_constant(bias))
