"""Use a reshape where a transpose moves nothing."""

from graphopt.analysis.axes import moves_data
from graphopt.ir import Value
from graphopt.ops import Reshape, Transpose
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class SimplifyTransposes(RewritePass):
    """transpose(x) becomes reshape(x) where it moves only dimensions of size 1."""

    name = "simplify-transposes"
    x = AnyValue()
    transpose = Apply(Transpose, x)
    root = transpose

    def rewrite(self, match: Match) -> Value | Reject:
        x = match[self.x]
        if moves_data(match.op(self.transpose).perm, x.type.dims):
            return Reject("it moves data")
        return match.emit(Reshape(match.root.output.type.dims), x)
