"""Saturate and clip at once."""

from graphopt.ir import Value
from graphopt.ops import Cast, Clip
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class MergeIntegerClips(RewritePass):
    """clip(cast(clip(x))) becomes cast(clip(x)), where the inner clip saturates for the cast."""

    name = "merge-integer-clips"
    x = AnyValue()
    inner = Apply(Clip, x)
    cast = Apply(Cast, inner)
    root = Apply(Clip, cast)

    def rewrite(self, match: Match) -> Value | Reject:
        outer, inner, cast = match.root.op, match.op(self.inner), match.op(self.cast)
        assert isinstance(outer, Clip)
        if not (match[self.x].type.dtype.is_integer and cast.to.is_integer):
            return Reject("floats are converted")
        least, most = integer_range(cast.to)
        if inner.low is None or inner.high is None or inner.low < least or inner.high > most:
            return Reject("the cast wraps")
        low = max(inner.low, least if outer.low is None else outer.low)
        high = min(inner.high, most if outer.high is None else outer.high)
        if low > high:
            return Reject("the bounds cross")
        return match.emit(cast, match.emit(Clip(low, high), match[self.x]))
