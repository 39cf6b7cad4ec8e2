"""Bring convolutions and pools over one dimension to the kernels for images."""

from __future__ import annotations

from dataclasses import replace

from graphopt.ir import Value
from graphopt.ops import AveragePool, Conv, MaxPool, Pool, Reshape
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class LiftConv1d(RewritePass):
    """A convolution or pool over one dimension becomes one over images of height one."""

    name = "lift-conv1d"
    root = OneOf(
        Apply(Conv, AnyValue(), ...), Apply(MaxPool, AnyValue()), Apply(AveragePool, AnyValue())
    )

    def rewrite(self, match: Match) -> Value | Reject:
        node = match.root
        op = node.op
        assert isinstance(op, Conv | Pool)
        if len(op.strides) != 1:
            return Reject("it has not one spatial dimension")
        begin, end = op.pads
        lifted = replace(
            op,
            strides=(1, *op.strides),
            pads=(0, begin, 0, end),
            dilations=(1, *op.dilations),
        )
        inputs = list(node.inputs)
        inputs[0] = _with_height(inputs[0], 1 if op.layout == "NHWC" else 2, match)
        if isinstance(lifted, Pool):
            lifted = replace(lifted, kernel=(1, *lifted.kernel))
        else:
            inputs[1] = _with_height(inputs[1], 2, match)
        y = match.emit(lifted, *inputs)
        return match.emit(Reshape(node.output.type.dims), y)


def _with_height(value: Value, axis: int, match: Match) -> Value:
    dims = value.type.dims
    shape = (*dims[:axis], 1, *dims[axis:])
    array = match.constant(value)
    if array is not None:
        return match.emit_constant(array.reshape(shape))
    return match.emit(Reshape(shape), value)
