"""Make one transpose of two."""

from graphopt.analysis.axes import compose
from graphopt.ir import Value
from graphopt.ops import Transpose
from graphopt.rewrite import AnyValue, Apply, Match, RewritePass


class MergeTransposes(RewritePass):
    """transpose(transpose(x)) becomes transpose(x), or x where the two cancel."""

    name = "merge-transposes"
    shares_inner = True
    x = AnyValue()
    first = Apply(Transpose, x)
    then = Apply(Transpose, first)
    root = then

    def rewrite(self, match: Match) -> Value:
        perm = compose(match.op(self.first).perm, match.op(self.then).perm)
        if perm == tuple(range(len(perm))):
            return match[self.x]
        return match.emit(Transpose(perm), match[self.x])
