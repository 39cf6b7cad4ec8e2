"""Clip integers instead of the floats that they stand for."""

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Clip, Encode, Relu
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class SinkClipsPastEncode(RewritePass):
    """encode(clip(x)) becomes clip(encode(x)) with the bounds encoded, and so for relu.

    Exact, since rounding to a grid keeps the order of numbers.
    """

    name = "sink-clips-past-encode"
    x = AnyValue()
    clip = Apply(Clip, x)
    relu = Apply(Relu, x)
    root = Apply(Encode, OneOf(clip, relu))

    def rewrite(self, match: Match) -> Value | Reject:
        op = match.root.op
        assert isinstance(op, Encode)
        if op.quant.axis is not None:
            return Reject("the bounds differ along an axis")
        clip = Clip(low=0.0) if self.relu in match else match.op(self.clip)
        bounds = [
            None if bound is None else int(op.evaluate(np.array(bound, np.float32))[0])
            for bound in (clip.low, clip.high)
        ]
        return match.emit(Clip(*bounds), match.emit(op, match[self.x]))
