"""Select among quantized tensors, each requantized to the result's grid."""

from __future__ import annotations

from graphopt.ir import DType, Value
from graphopt.ops import Concat, Encode, Max, Min, Where
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class IntegerSelect(RewritePass):
    """encode(select(a, b, ...)) becomes select(encode(a), encode(b), ...), exactly.

    A selection is a concatenation, a choice by a condition, a maximum or a minimum: rounding to a
    grid keeps the order of numbers.
    """

    name = "integer-select"
    selections = (
        Apply(Concat, ...),
        Apply(Where, ...),
        Apply(Max, AnyValue(), AnyValue()),
        Apply(Min, AnyValue(), AnyValue()),
    )
    root = Apply(Encode, OneOf(*selections))

    def rewrite(self, match: Match) -> Value | Reject:
        encode = match.root.op
        assert isinstance(encode, Encode)
        if encode.quant.axis is not None:
            return Reject("the result has several scales")
        (node,) = (match.node(each) for each in self.selections if each in match)
        parts = {
            value: match.emit(encode, value) if value.type.dtype is DType.F32 else value
            for value in dict.fromkeys(node.inputs)
        }
        return match.emit(node.op, *(parts[value] for value in node.inputs))
