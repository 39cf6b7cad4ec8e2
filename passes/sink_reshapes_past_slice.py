"""Take slices of a tensor in the shape that it was computed in."""

from __future__ import annotations

import math

from graphopt.analysis.axes import groups
from graphopt.ir import Value
from graphopt.ops import Reshape, Slice
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class SinkReshapesPastSlice(RewritePass):
    """slice(reshape(x)) becomes reshape(slice(x)) where the slice is one of x, too."""

    name = "sink-reshapes-past-slice"
    shares_inner = True
    x = AnyValue()
    reshape = Apply(Reshape, x)
    slice = Apply(Slice, reshape)
    root = slice

    def rewrite(self, match: Match) -> Value | Reject:
        x, op = match[self.x], match.op(self.slice)
        source, target = x.type.dims, match[self.reshape].type.dims
        if match.root.output.type.elements == 0:
            return Reject("it is empty")
        starts, sizes, steps = [0] * len(source), list(source), [1] * len(source)
        for before, after in groups(source, target):
            if op.sizes[after] == target[after] and all(
                step == 1 or size == 1
                for step, size in zip(op.steps[after], op.sizes[after], strict=True)
            ):
                continue
            wide = [i for i in range(before.start, before.stop) if source[i] != 1]
            first, *inner = [i for i in range(after.start, after.stop) if target[i] != 1]
            if len(wide) != 1 or any(op.sizes[i] != target[i] or op.steps[i] != 1 for i in inner):
                return Reject("the elements are not a slice of x")
            block = math.prod(target[i] for i in inner)
            if block > 1 and op.steps[first] != 1 and op.sizes[first] > 1:
                return Reject("the elements are not a slice of x")
            starts[wide[0]] = op.starts[first] * block
            sizes[wide[0]] = op.sizes[first] * block
            steps[wide[0]] = op.steps[first] if block == 1 else 1
        part = match.emit(Slice(tuple(starts), tuple(sizes), tuple(steps)), x)
        return match.emit(Reshape(match.root.output.type.dims), part)
