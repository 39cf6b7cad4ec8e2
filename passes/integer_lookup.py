"""Functions of one quantized tensor become tables."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array, DType, Node, Value
from graphopt.ops import Decode, Elementwise, Encode, Lookup
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass

MAX_BITS = 8


class IntegerLookup(RewritePass):
    """encode(f(decode(x))) becomes lookup(x, table), for any elementwise f of x alone.

    x has at most 8 bits and one scale; f may be many operators with single numbers as constants.
    The table holds what the floats would give, bit for bit.
    """

    name = "integer-lookup"
    y = AnyValue()
    root = Apply(Encode, y)

    def rewrite(self, match: Match) -> Value | Reject:
        encode = match.root.op
        assert isinstance(encode, Encode)
        function: dict[Node, None] = {}
        leaves: set[Value] = set()
        if not _collect(match, match[self.y], function, leaves) or not function:
            return Reject("not a function of elements")
        if len(leaves) != 1:
            return Reject("a function of several tensors")
        (x,) = leaves
        quant = x.type.quant
        assert quant is not None
        if x.type.dtype.bits > MAX_BITS or quant.axis is not None or encode.quant.axis is not None:
            return Reject(f"no table for {x.type.dtype} or for several scales")
        if x.type.shape != match.root.output.type.shape:
            return Reject("a constant enlarges the tensor")
        table = _table(match, x, list(function), match[self.y])
        (stored,) = encode.evaluate(table)
        return match.emit(Lookup(), x, match.emit_constant(stored, encode.quant))


def _collect(match: Match, value: Value, function: dict[Node, None], leaves: set[Value]) -> bool:
    """Whether `value` is computed elementwise; its nodes in execution order, and what they read."""
    array = match.constant(value)
    if array is not None:
        return array.size == 1
    node = match.producer(value)
    if node is None:
        return False
    if isinstance(node.op, Decode):
        leaves.add(node.inputs[0])
        return True
    if not isinstance(node.op, Elementwise) or node.op.quantized and value.type.quant:
        return False
    if node not in function:
        if not all(_collect(match, each, function, leaves) for each in node.inputs):
            return False
        function[node] = None
    return True


def _table(match: Match, x: Value, function: list[Node], y: Value) -> Array:
    """y for every number that the dtype of x holds."""
    assert x.type.quant is not None
    low, high = integer_range(x.type.dtype)
    (real,) = Decode(x.type.quant).evaluate(np.arange(low, high + 1))
    known: dict[Value, Array] = {}

    def array(value: Value) -> Array:
        if value in known:
            return known[value]
        constant = match.constant(value)
        return real if constant is None else constant.reshape(())

    for node in function:
        known[node.output] = node.op.evaluate(*(array(value) for value in node.inputs))[0]
    return np.broadcast_to(known[y], real.shape).astype(DType.F32.numpy)
