"""Move padding down past conversions to and from integers, to the operator that can absorb it."""

from dataclasses import replace

import numpy as np

from graphopt.ir import Value
from graphopt.ops import Dequantize, Pad, Quantize
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class SinkPads(RewritePass):
    """quantize(pad(x)) becomes pad(quantize(x)) with the padding quantized; so does dequantize."""

    name = "sink-pads"
    x, scale, zero_point = AnyValue(), Constant(), Constant()
    pad = Apply(Pad, x)
    root = OneOf(Apply(Quantize, pad, scale, zero_point), Apply(Dequantize, pad, scale, zero_point))

    def rewrite(self, match: Match) -> Value | Reject:
        pad, op, x = match.op(self.pad), match.root.op, match[self.x]
        scale, zero_point = match.constant(self.scale), match.constant(self.zero_point)
        assert scale is not None and zero_point is not None
        if scale.size != 1:
            return Reject("the padding would take several values")
        y = match.emit(op, x, match[self.scale], match[self.zero_point])
        if pad.mode != "constant":
            return match.emit(pad, y)
        (value,) = type(op)().evaluate(
            np.asarray(pad.value).astype(x.type.dtype.numpy),
            scale.reshape(()),
            zero_point.reshape(()),
        )
        return match.emit(replace(pad, value=value.item()), y)
