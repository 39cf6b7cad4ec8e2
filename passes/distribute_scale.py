"""Bring a factor to the matrix product that can absorb it."""

from graphopt.analysis.axes import along_axis
from graphopt.ir import Value
from graphopt.ops import Add, MatMul, Mul
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class DistributeScale(RewritePass):
    """(x @ w + c) * s becomes (x @ w) * s + c * s."""

    name = "distribute-scale"
    addend, scale = Constant(), Constant()
    product = Apply(MatMul, AnyValue(), Constant())
    root = Apply(Mul, Apply(Add, product, addend), scale)

    def rewrite(self, match: Match) -> Value | Reject:
        addend, scale = match.constant(self.addend), match.constant(self.scale)
        assert addend is not None and scale is not None
        y = match[self.product]
        last = y.type.rank - 1
        if along_axis(addend, y.type.dims, last) is None:
            return Reject("the addend is not one number per column")
        if along_axis(scale, y.type.dims, last) is None:
            return Reject("the factor is not one number per column")
        scaled = match.emit(Mul(), y, match[self.scale])
        return match.emit(Add(), scaled, match.emit_constant(addend * scale))
