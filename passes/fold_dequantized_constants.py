"""Compute the real numbers that constant integers stand for."""

from graphopt.ir import Value
from graphopt.ops import Dequantize
from graphopt.rewrite import Apply, Constant, Match, RewritePass


class FoldDequantizedConstants(RewritePass):
    """dequantize(constant) becomes a constant.

    Apart from fold-constants, so that sum-as-integers still finds the integers.
    """

    name = "fold-dequantized-constants"
    x, scale, zero_point = Constant(), Constant(), Constant()
    root = Apply(Dequantize, x, scale, zero_point)

    def rewrite(self, match: Match) -> Value:
        arrays = [match.constant(pattern) for pattern in (self.x, self.scale, self.zero_point)]
        (result,) = match.root.op.evaluate(*(array for array in arrays if array is not None))
        return match.emit_constant(result)
