"""Quantize before moving, so that quantized elements are moved."""

from __future__ import annotations

from dataclasses import replace

from graphopt.ir import Op, Value
from graphopt.ops import (
    DepthToSpace,
    Encode,
    Identity,
    MaxPool,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

MOVING: tuple[type[Op], ...] = (Identity, Reshape, Transpose, Slice, Pad, DepthToSpace, MaxPool)


class HoistEncodes(RewritePass):
    """encode(move(x)) becomes move(encode(x)), for whatever moves or selects elements.

    So a sum of products with several scales is requantized where its channels still are an axis.
    """

    name = "hoist-encodes"
    moves = tuple(Apply(op, AnyValue()) for op in MOVING)
    root = Apply(Encode, OneOf(*moves))

    def rewrite(self, match: Match) -> Value | Reject:
        encode = match.root.op
        assert isinstance(encode, Encode)
        if encode.quant.axis is not None:
            return Reject("the result has several scales")
        (moved,) = (match.node(move) for move in self.moves if move in match)
        op = moved.op
        if isinstance(op, Pad) and op.mode == "constant":
            if op.value != 0:
                return Reject("the padding is not zero")
            op = replace(op, value=encode.quant.zero_points[0])
        return match.emit(op, match.emit(encode, moved.inputs[0]))
