"""Make one slice of two."""

from graphopt.ir import Value
from graphopt.ops import Slice
from graphopt.rewrite import AnyValue, Apply, Match, RewritePass


class MergeSlices(RewritePass):
    """slice(slice(x)) becomes slice(x)."""

    name = "merge-slices"
    shares_inner = True
    x = AnyValue()
    inner = Apply(Slice, x)
    outer = Apply(Slice, inner)
    root = outer

    def rewrite(self, match: Match) -> Value:
        first, then = match.op(self.inner), match.op(self.outer)
        starts = (a + b * s for a, b, s in zip(first.starts, then.starts, first.steps, strict=True))
        steps = (a * b for a, b in zip(first.steps, then.steps, strict=True))
        return match.emit(Slice(tuple(starts), then.sizes, tuple(steps)), match[self.x])
