"""Round to quantization steps without leaving floats."""

from graphopt.ir import DType, Value
from graphopt.ops import Dequantize, Quantize
from graphopt.passes.legalize_quantization import dequantized, rounded, zero_point
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class LegalizeRounding(RewritePass):
    """dequantize(quantize(x)) becomes clip(round(x / scale), ...) * scale, all in f32.

    Exact, as in `legalize-quantization`. Integers that others read are computed as well.
    """

    name = "legalize-rounding"
    shares_inner = True
    x = AnyValue()
    scales = Constant(), Constant()
    zero_points = Constant(), Constant()
    quantize = Apply(Quantize, x, scales[0], zero_points[0])
    root = Apply(Dequantize, quantize, scales[1], zero_points[1])

    def rewrite(self, match: Match) -> Value | Reject:
        points = [zero_point(match, pattern) for pattern in self.zero_points]
        for point in points:
            if isinstance(point, Reject):
                return point
        first, then = (point for point in points if isinstance(point, int))
        x, scales = match[self.x], [match[scale] for scale in self.scales]
        if any(value.type.dtype is not DType.F32 for value in (x, *scales)):
            return Reject("the floats are not f32")
        op, outer = match.op(self.quantize), match.root.op
        assert isinstance(outer, Dequantize)
        dtype = match[self.quantize].type.dtype
        steps = rounded(match, x, first, scales[0], op.axis, dtype)
        return dequantized(match, steps, then - first, scales[1], outer.axis)
