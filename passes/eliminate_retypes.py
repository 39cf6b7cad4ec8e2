"""Read integers as what they were typed as last."""

from graphopt.ir import Value
from graphopt.ops import Retype
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, RewritePass


class EliminateRetypes(RewritePass):
    """retype(retype(x)) becomes the last retype, or x where that is its type; so for constants."""

    name = "eliminate-retypes"
    shares_inner = True
    x = AnyValue()
    constant = Constant()
    inner = Apply(Retype, x)
    root = OneOf(Apply(Retype, inner), Apply(Retype, constant))

    def rewrite(self, match: Match) -> Value:
        op = match.root.op
        assert isinstance(op, Retype)
        if self.constant in match:
            array = match.constant(self.constant)
            assert array is not None
            return match.emit_constant(array, op.quant)
        x = match[self.x]
        return x if x.type == match.root.output.type else match.emit(op, x)
