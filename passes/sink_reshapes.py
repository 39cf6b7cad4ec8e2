"""Move reshapes down past elementwise operators, so that these can join what is above."""

from __future__ import annotations

from graphopt.analysis.axes import broadcast_before_reshape
from graphopt.ir import Value
from graphopt.ops import Elementwise, Lookup, Reshape
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class SinkReshapes(RewritePass):
    """op(reshape(x)) becomes reshape(op(x)) for elementwise op, and for looking up each element.

    Further inputs may be constants, reshapes from the same shape, smaller tensors that broadcast
    to x as they do to its reshape, or any tensors where the reshape only adds dimensions of 1.
    """

    name = "sink-reshapes"
    reshape = Apply(Reshape, AnyValue())
    root = OneOf(
        Apply(Elementwise, reshape, ...),
        Apply(Elementwise, AnyValue(), reshape, ...),
        Apply(Elementwise, AnyValue(), AnyValue(), reshape),
        Apply(Lookup, reshape, ...),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        node = match.root
        reshaped = match[self.reshape]
        (x,) = match.node(self.reshape).inputs
        if reshaped.type.shape != node.output.type.shape:
            return Reject("the reshaped value is broadcast")
        if x.type.elements == 0:
            return Reject("it is empty")
        if isinstance(node.op, Lookup):
            return match.emit(
                Reshape(node.output.type.dims), match.emit(node.op, x, *node.inputs[1:])
            )
        inputs: list[Value] = []
        for value in node.inputs:
            before = x if value is reshaped else _before_reshape(value, x, reshaped, match)
            if before is None:
                return Reject(f"%{value.name} does not broadcast to the shape before")
            inputs.append(before)
        y = match.emit(node.op, *inputs)
        return match.emit(Reshape(node.output.type.dims), y)


def _before_reshape(value: Value, x: Value, reshaped: Value, match: Match) -> Value | None:
    producer = match.producer(value)
    if producer is not None and isinstance(producer.op, Reshape):
        (source,) = producer.inputs
        if source.type.shape == x.type.shape and value.type.shape == reshaped.type.shape:
            return source
    if value.type.rank == 0:
        return value
    shape = broadcast_before_reshape(value.type.dims, x.type.dims, reshaped.type.dims)
    if shape is None:
        return None
    array = match.constant(value)
    if array is not None:
        return match.emit_constant(array.reshape(shape))
    if value.type.elements == x.type.elements and not adds_ones(x.type.dims, reshaped.type.dims):
        return None
    return match.emit(Reshape(shape), value)


def adds_ones(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a reshape from `source` to `target` does nothing but add dimensions of 1."""
    return len(source) < len(target) and [d for d in source if d != 1] == [
        d for d in target if d != 1
    ]
