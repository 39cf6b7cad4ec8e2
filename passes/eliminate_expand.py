"""Leave broadcasting to the operator that reads the broadcast value."""

from __future__ import annotations

from graphopt.ir import Value
from graphopt.ops import Elementwise, Expand
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class EliminateExpand(RewritePass):
    """op(expand(x), y) becomes op(x, y) where elementwise op broadcasts x all the same."""

    name = "eliminate-expand"
    shares_inner = True
    x = AnyValue()
    expand = Apply(Expand, x)
    root = OneOf(
        Apply(Elementwise, expand, AnyValue(), ...),
        Apply(Elementwise, AnyValue(), expand, ...),
        Apply(Elementwise, AnyValue(), AnyValue(), expand),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        node = match.root
        inputs = [match[self.x] if v is match[self.expand] else v for v in node.inputs]
        if node.op.infer(*(v.type for v in inputs)) != (node.output.type,):
            return Reject("the result would be smaller")
        return match.emit(node.op, *inputs)
