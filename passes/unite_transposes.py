"""Move transposes down past operators of several inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphopt.analysis.axes import inverse, moves_data, padded
from graphopt.ir import Value
from graphopt.ops import Concat, Elementwise, Reshape, Transpose
from graphopt.passes.sink_transposes import may_sink
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class UniteTransposes(RewritePass):
    """op(transpose(x), transpose(y)) becomes transpose(op(x, y)).

    op is elementwise or concat. In the place of a second transpose may stand a constant, or a
    value whose transposition moves nothing, such as one number per channel.
    """

    name = "unite-transposes"
    shares_inner = True
    transpose = Apply(Transpose, AnyValue())
    root = OneOf(
        Apply(Elementwise, transpose, AnyValue(), ...),
        Apply(Elementwise, AnyValue(), transpose, ...),
        Apply(Elementwise, AnyValue(), AnyValue(), transpose),
        Apply(Concat, transpose, ...),
        Apply(Concat, AnyValue(), transpose, ...),
    )

    def rewrite(self, match: Match) -> Value | Reject:
        perm, node = match.op(self.transpose).perm, match.root
        if node.output.type.rank != len(perm):
            return Reject("the transposed value is broadcast to a higher rank")
        inputs: list[Value] = []
        for value in node.inputs:
            before = _before_transpose(value, perm, match)
            if before is None:
                return Reject(f"%{value.name} is not transposed in the same way")
            inputs.append(before)
        if not may_sink(match[self.transpose], match):
            return Reject("the transpose has a reader that needs it")
        op = replace(node.op, axis=perm[node.op.axis]) if isinstance(node.op, Concat) else node.op
        return match.emit(Transpose(perm), match.emit(op, *inputs))


def _before_transpose(value: Value, perm: tuple[int, ...], match: Match) -> Value | None:
    """What gives `value` when it is transposed by `perm`, if that costs nothing."""
    producer = match.producer(value)
    if producer is not None and producer.op == Transpose(perm):
        return producer.inputs[0]
    if value.type.elements == 1 and value.type.rank == 0:
        return value
    back = inverse(perm)
    shape = padded(value.type.dims, len(perm))
    array = match.constant(value)
    if array is not None:
        return match.emit_constant(np.ascontiguousarray(array.reshape(shape).transpose(back)))
    if moves_data(back, shape):
        return None
    return match.emit(Reshape(tuple(shape[i] for i in back)), value)
