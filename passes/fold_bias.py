"""Fold an addition per output channel into the bias of a convolution."""

from graphopt.analysis.axes import along_axis
from graphopt.ir import Value
from graphopt.ops import Add, Conv, ConvTranspose
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class FoldBias(RewritePass):
    """conv(x, w, b) + c becomes conv(x, w, b + c), also for conv_transpose and without b."""

    name = "fold-bias"
    x, w, addend = AnyValue(), AnyValue(), Constant()
    conv = Apply(Conv, x, w, ...)
    transposed = Apply(ConvTranspose, x, w, ...)
    root = Apply(Add, OneOf(conv, transposed), addend)

    def rewrite(self, match: Match) -> Value | Reject:
        node = match.node(self.conv if self.conv in match else self.transposed)
        last = isinstance(node.op, Conv) and node.op.layout == "NHWC"
        axis = node.output.type.rank - 1 if last else 1
        addend = match.constant(self.addend)
        assert addend is not None
        bias = along_axis(addend, node.output.type.dims, axis)
        if bias is None:
            return Reject("the addend is not one number per output channel")
        if len(node.inputs) == 3:
            old = match.constant(node.inputs[2])
            if old is None:
                return Reject("the bias is computed")
            bias = old + bias
        inputs = (match[self.x], match[self.w], match.emit_constant(bias.copy()))
        return match.emit(node.op, *inputs)
