"""Move transposes down past operators of one input, to where they may cancel."""

from __future__ import annotations

from dataclasses import replace

from graphopt.ir import Op, Value
from graphopt.ops import (
    ArgReduce,
    Concat,
    CumSum,
    Dequantize,
    Elementwise,
    IntegerSoftmax,
    LayerNorm,
    Lookup,
    Pad,
    Quantize,
    Reduce,
    Slice,
    Softmax,
    Transpose,
)
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

ONE_INPUT = (
    *(LayerNorm, Softmax, Reduce, ArgReduce, CumSum, Pad, Slice),
    *(Quantize, Dequantize, Lookup, IntegerSoftmax),
)


class SinkTransposes(RewritePass):
    """op(transpose(x)) becomes transpose(op'(x)), where op' names the axes of x.

    Where the transpose has other readers, all of them must be of the kinds that transposes sink
    past, so that it can disappear.
    """

    name = "sink-transposes"
    shares_inner = True
    x = AnyValue()
    transpose = Apply(Transpose, x)
    root = OneOf(
        Apply(Elementwise, transpose),
        Apply(LayerNorm, transpose),
        Apply(Softmax, transpose),
        Apply(Reduce, transpose),
        Apply(ArgReduce, transpose),
        Apply(CumSum, transpose),
        Apply(Pad, transpose),
        Apply(Slice, transpose),
        Apply(Quantize, transpose, ...),
        Apply(Dequantize, transpose, ...),
        Apply(Lookup, transpose, ...),
        Apply(IntegerSoftmax, transpose, ...),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        if not may_sink(match[self.transpose], match):
            return Reject("the transpose has a reader that needs it")
        perm, node = match.op(self.transpose).perm, match.root
        y = match.emit(_with_axes_of_input(node.op, perm), match[self.x], *node.inputs[1:])
        kept = [perm[axis] for axis in _kept_axes(node.op, len(perm))]
        below = tuple(sorted(kept).index(axis) for axis in kept)
        return y if below == tuple(range(len(below))) else match.emit(Transpose(below), y)


def may_sink(transposed: Value, match: Match) -> bool:
    """Whether nothing but operators that transposes sink past reads `transposed`."""
    users = match.users(transposed)
    if match.uses(transposed) > len(users):
        return False
    return len(users) == 1 or all(
        isinstance(user.op, (Transpose, *ONE_INPUT))
        or (
            isinstance(user.op, Elementwise | Concat)
            and all(_may_be_transposed(value, match) for value in user.inputs)
        )
        for user in users
    )


def _may_be_transposed(value: Value, match: Match) -> bool:
    if sum(size != 1 for size in value.type.shape) <= 1:
        return True  # transposing it moves nothing
    producer = match.producer(value)
    if producer is None:
        return match.constant(value) is not None
    return isinstance(producer.op, (Transpose, Elementwise, *ONE_INPUT))


def _with_axes_of_input(op: Op, perm: tuple[int, ...]) -> Op:
    """`op` with axis i of the transpose's output named as axis perm[i] of its input."""
    match op:
        case Softmax() | IntegerSoftmax() | ArgReduce() | CumSum():
            return replace(op, axis=perm[op.axis])
        case Quantize() | Dequantize():
            return op if op.axis is None else replace(op, axis=perm[op.axis])
        case LayerNorm() | Reduce():
            return replace(op, axes=tuple(sorted(perm[axis] for axis in op.axes)))
        case Pad():
            rank = len(perm)
            return replace(op, pads=_placed(op.pads[:rank], perm) + _placed(op.pads[rank:], perm))
        case Slice():
            return Slice(*(_placed(each, perm) for each in (op.starts, op.sizes, op.steps)))
        case _:
            return op


def _placed(numbers: tuple[int, ...], perm: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(numbers[perm.index(axis)] for axis in range(len(perm)))


def _kept_axes(op: Op, rank: int) -> list[int]:
    """The axes of the input of `op` that its output has."""
    if isinstance(op, Reduce) and not op.keepdims:
        return [axis for axis in range(rank) if axis not in op.axes]
    if isinstance(op, ArgReduce) and not op.keepdims:
        return [axis for axis in range(rank) if axis != op.axis]
    return list(range(rank))
