"""Compute on a tensor before it is broadcast rather than after."""

from graphopt.ir import Value
from graphopt.ops import Elementwise, Expand, Reduce
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class SinkExpands(RewritePass):
    """op(expand(x)) becomes expand(op(x)), for elementwise op and for reductions of other axes."""

    name = "sink-expands"
    shares_inner = True
    x = AnyValue()
    expand = Apply(Expand, x)
    reduce = Apply(Reduce, expand)
    root = OneOf(Apply(Elementwise, expand), reduce)

    def rewrite(self, match: Match) -> Value | Reject:
        x, op, result = match[self.x], match.root.op, match.root.output.type
        expanded = match[self.expand].type
        if self.reduce in match:
            if x.type.rank != expanded.rank or any(
                x.type.shape[axis] != expanded.shape[axis] for axis in match.op(self.reduce).axes
            ):
                return Reject("it reduces an axis that is broadcast")
        return match.emit(Expand(result.dims), match.emit(op, x))
