"""Make one clip of two bounds in a row."""

from __future__ import annotations

import math

from graphopt.ir import Op, Value
from graphopt.ops import Clip, Relu
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, RewritePass


class MergeClips(RewritePass):
    """clip(clip(x)) becomes clip(x), where relu(x) counts as clip(x) from 0."""

    name = "merge-clips"
    x = AnyValue()
    clip, relu = Apply(Clip, x), Apply(Relu, x)
    root = OneOf(Apply(Clip, OneOf(clip, relu)), Apply(Relu, OneOf(clip, relu)))

    def rewrite(self, match: Match) -> Value:
        inner = match.node(self.clip if self.clip in match else self.relu)
        low, high = (
            _clamp(_clamp(bound, inner.op), match.root.op) for bound in (-math.inf, math.inf)
        )
        return match.emit(
            bounded(None if low == -math.inf else low, None if high == math.inf else high),
            match[self.x],
        )


def bounded(low: float | None, high: float | None) -> Clip | Relu:
    """The operator that holds x between two bounds."""
    return Relu() if low == 0 and high is None else Clip(low, high)


def _clamp(x: float, op: Op) -> float:
    if isinstance(op, Relu):
        return max(x, 0.0)
    assert isinstance(op, Clip)
    if op.low is not None:
        x = max(x, op.low)
    return x if op.high is None else min(x, op.high)
