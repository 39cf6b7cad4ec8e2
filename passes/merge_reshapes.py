"""Make one reshape of two."""

from graphopt.ir import Value
from graphopt.ops import Reshape
from graphopt.rewrite import AnyValue, Apply, Match, RewritePass


class MergeReshapes(RewritePass):
    """reshape(reshape(x)) becomes reshape(x)."""

    name = "merge-reshapes"
    shares_inner = True
    x = AnyValue()
    root = Apply(Reshape, Apply(Reshape, x))

    def rewrite(self, match: Match) -> Value:
        return match.emit(match.root.op, match[self.x])
