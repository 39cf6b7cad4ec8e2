"""Move transposes down past reshapes that do not mix what they reorder."""

from __future__ import annotations

from graphopt.analysis.axes import groups, inverse
from graphopt.ir import Value
from graphopt.ops import Reshape, Transpose
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class SinkTransposesPastReshape(RewritePass):
    """reshape(transpose(x)) becomes transpose(reshape(x)).

    The reshape may split dimensions, and merge those that are neighbours in x in the same order.
    """

    name = "sink-transposes-past-reshape"
    x = AnyValue()
    transpose = Apply(Transpose, x)
    root = Apply(Reshape, transpose)

    def rewrite(self, match: Match) -> Value | Reject:
        perm, result = match.op(self.transpose).perm, match.root.output.type.dims
        transposed = match[self.transpose].type.dims
        if 0 in transposed:
            return Reject("it is empty")
        # Each run of dimensions that the reshape keeps together, by where it lies in x.
        runs: list[tuple[int, range]] = []
        for source, target in groups(transposed, result):
            axes = [perm[i] for i in range(source.start, source.stop) if transposed[i] != 1]
            between = range(min(axes, default=0), max(axes, default=-1) + 1)
            if axes != sorted(axes) or any(
                match[self.x].type.dims[axis] != 1 for axis in between if axis not in axes
            ):
                return Reject("it merges dimensions that the transpose reorders")
            runs.append((between.start if axes else -1, range(target.start, target.stop)))
        by_place = [axis for _, run in sorted(runs, key=lambda each: each[0]) for axis in run]
        order = sorted(by_place, key=lambda axis: result[axis] != 1)
        reshaped = match.emit(Reshape(tuple(result[axis] for axis in order)), match[self.x])
        return match.emit(Transpose(inverse(order)), reshaped)
