"""Move reshapes down past operators that sum over axes."""

from __future__ import annotations

from dataclasses import replace

from graphopt.analysis.axes import groups
from graphopt.ir import Op, Value
from graphopt.ops import IntegerSoftmax, LayerNorm, Reduce, Reshape, Softmax
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class SinkReshapesPastReduction(RewritePass):
    """op(reshape(x)) becomes reshape(op(x)) where the reshape keeps the axes that op sums over.

    op is reduce, softmax, integer_softmax or layer_norm.
    """

    name = "sink-reshapes-past-reduction"
    x = AnyValue()
    reshape = Apply(Reshape, x)
    root = OneOf(
        Apply(LayerNorm, reshape),
        Apply(Softmax, reshape),
        Apply(IntegerSoftmax, reshape, ...),
        Apply(Reduce, reshape),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        x, op = match[self.x], match.root.op
        assert isinstance(op, LayerNorm | Softmax | IntegerSoftmax | Reduce)
        if x.type.elements == 0:
            return Reject("it is empty")
        kept = kept_axes(x.type.dims, match[self.reshape].type.dims)
        wanted = (op.axis,) if isinstance(op, Softmax | IntegerSoftmax) else op.axes
        if not all(axis in kept for axis in wanted):
            return Reject("the reshape splits or merges an axis that is summed over")
        axes = tuple(sorted(kept[axis] for axis in wanted))
        if isinstance(op, Softmax | IntegerSoftmax):
            moved: Op = replace(op, axis=axes[0])
        else:
            moved = replace(op, axes=axes)
        y = match.emit(moved, x, *match.root.inputs[1:])
        return match.emit(Reshape(match.root.output.type.dims), y)


def kept_axes(source: tuple[int, ...], target: tuple[int, ...]) -> dict[int, int]:
    """The axes of `target` that are axes of `source`, reshaped to it; dimensions of 1 are not."""
    kept: dict[int, int] = {}
    for before, after in groups(source, target):
        wide = [i for i in range(before.start, before.stop) if source[i] != 1]
        same = [i for i in range(after.start, after.stop) if target[i] != 1]
        if len(wide) == len(same) == 1:
            kept[same[0]] = wide[0]
    return kept
