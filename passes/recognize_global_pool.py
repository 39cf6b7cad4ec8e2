"""Recognize the mean, or maximum, over the whole image."""

from graphopt.ir import Value
from graphopt.ops import AveragePool, MaxPool, Pool, Reduce
from graphopt.ops.window import channels_first
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class RecognizeGlobalPool(RewritePass):
    """A pool whose one window is the whole image becomes a reduction over its dimensions."""

    name = "recognize-global-pool"
    x = AnyValue()
    average, maximum = Apply(AveragePool, x), Apply(MaxPool, x)
    root = OneOf(average, maximum)

    def rewrite(self, match: Match) -> Value | Reject:
        x, pool = match[self.x], match.root.op
        assert isinstance(pool, Pool)
        size = channels_first(x.type.dims, pool.layout)[2:]
        if pool.kernel != size or any(pool.pads) or set(pool.dilations) - {1}:
            return Reject("the window is not the image")
        first = 1 if pool.layout == "NHWC" else 2
        axes = tuple(range(first, first + len(size)))
        reduce = Reduce("mean" if self.average in match else "max", axes, keepdims=True)
        if reduce.infer(x.type) != (match.root.output.type,):
            return Reject("there are several windows")
        return match.emit(reduce, x)
