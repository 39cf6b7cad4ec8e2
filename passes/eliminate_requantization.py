"""Keep integers that are converted to floats only to be converted back."""

from graphopt.ir import Array, Value
from graphopt.ops import Dequantize, Quantize
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class EliminateRequantization(RewritePass):
    """quantize(dequantize(x)) becomes x where both have the same scale and zero point.

    Exact for integers of at most 16 bits: the rounding of the floats between is far below 1/2.
    """

    name = "eliminate-requantization"
    shares_inner = True
    x = AnyValue()
    scales = Constant(), Constant()
    zero_points = Constant(), Constant()
    dequantize = Apply(Dequantize, x, scales[0], zero_points[0])
    root = Apply(Quantize, dequantize, scales[1], zero_points[1])

    def rewrite(self, match: Match) -> Value | Reject:
        x = match[self.x]
        if x.type != match.root.output.type or not x.type.dtype.is_integer:
            return Reject("the integers are of different types")
        if x.type.dtype.itemsize > 2:
            return Reject("the integers are too wide for the floats between")
        if match.root.op != Quantize(match.op(self.dequantize).axis):
            return Reject("the axes differ")
        for first, then in (self.scales, self.zero_points):
            if not _equal(match.constant(first), match.constant(then)):
                return Reject("scale or zero point differ")
        return x


def _equal(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and a.dtype == b.dtype and bool((a == b).all())
