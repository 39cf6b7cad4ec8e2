"""Write bounds that are numbers as clip or relu."""

import math

from graphopt.ir import Value
from graphopt.ops import Clip, Max, Min
from graphopt.passes.merge_clips import bounded
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class CanonicalizeBounds(RewritePass):
    """max(x, c) becomes clip(x, low=c), min(x, c) becomes clip(x, high=c), clip from 0 relu."""

    name = "canonicalize-bounds"
    x, bound = AnyValue(), Constant()
    maximum, minimum, clip = Apply(Max, x, bound), Apply(Min, x, bound), Apply(Clip, x)
    root = OneOf(maximum, minimum, clip)

    def rewrite(self, match: Match) -> Value | Reject:
        x = match[self.x]
        if self.clip in match:
            clip = match.op(self.clip)
            low = None if clip.low == -math.inf else clip.low
            high = None if clip.high == math.inf else clip.high
            simple = bounded(low, high)
            return Reject("it is canonical") if simple == clip else match.emit(simple, x)
        array = match.constant(self.bound)
        assert array is not None
        if x.type != match.root.output.type:
            return Reject("the bound broadcasts x")
        if array.size == 0 or not (array == array.flat[0]).all():
            return Reject("the bound is not one number")
        bound = array.flat[0].item()
        op = bounded(bound, None) if self.maximum in match else bounded(None, bound)
        return match.emit(op, x)
