"""Compute the real numbers that constant integers stand for."""

from graphopt.ir import Value
from graphopt.ops import Decode, Dequantize
from graphopt.rewrite import Apply, Constant, Match, OneOf, RewritePass


class FoldDecodedConstants(RewritePass):
    """decode(constant) and dequantize(constant) become constants.

    Apart from fold-constants, so that the integer passes still find the integers.
    """

    name = "fold-decoded-constants"
    x, scale, zero_point = Constant(), Constant(), Constant()
    decode, dequantize = Apply(Decode, x), Apply(Dequantize, x, scale, zero_point)
    root = OneOf(decode, dequantize)

    def rewrite(self, match: Match) -> Value:
        arrays = [match.constant(value) for value in match.root.inputs]
        (result,) = match.root.op.evaluate(*(array for array in arrays if array is not None))
        return match.emit_constant(result)
