"""Concatenate quantized tensors, each requantized to the result's grid."""

from __future__ import annotations

from graphopt.ir import Value
from graphopt.ops import Concat, Encode
from graphopt.rewrite import Apply, Match, Reject, RewritePass


class IntegerConcat(RewritePass):
    """encode(concat(a, b, ...)) becomes concat(encode(a), encode(b), ...)."""

    name = "integer-concat"
    concat = Apply(Concat, ...)
    root = Apply(Encode, concat)

    def rewrite(self, match: Match) -> Value | Reject:
        encode = match.root.op
        assert isinstance(encode, Encode)
        if encode.quant.axis is not None:
            return Reject("the result has several scales")
        node = match.node(self.concat)
        parts = {value: match.emit(encode, value) for value in dict.fromkeys(node.inputs)}
        return match.emit(node.op, *(parts[value] for value in node.inputs))
