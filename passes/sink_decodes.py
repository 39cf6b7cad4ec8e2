"""Move quantized elements as integers."""

from __future__ import annotations

from dataclasses import replace

from graphopt.ir import Op, Quant, Value
from graphopt.ops import (
    Concat,
    Decode,
    DepthToSpace,
    Expand,
    Gather,
    Identity,
    MaxPool,
    Pad,
    Reduce,
    Reshape,
    Resize,
    Slice,
    Tile,
    Transpose,
)
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass

MOVING: tuple[type[Op], ...] = (
    Identity,
    Reshape,
    Transpose,
    Expand,
    Tile,
    Slice,
    Pad,
    DepthToSpace,
    Gather,
    MaxPool,
    Reduce,
    Resize,
)


class SinkDecodes(RewritePass):
    """move(decode(x)) becomes decode(move(x)) for whatever moves or selects elements.

    Padding with zero pads with the zero point. A concatenation needs inputs of one quantization.
    """

    name = "sink-decodes"
    shares_inner = True
    root = OneOf(*(Apply(op, Apply(Decode, AnyValue()), ...) for op in (*MOVING, Concat)))

    def rewrite(self, match: Match) -> Value | Reject:
        node, op = match.root, match.root.op
        decode = match.producer(node.inputs[0])
        assert decode is not None and isinstance(decode.op, Decode)
        quant = decode.op.quant
        if quant.axis is not None and not isinstance(op, Transpose):
            return Reject("scales differ along an axis")
        if isinstance(op, Concat):
            return self._concat(match, op, quant)
        if isinstance(op, Pad) and op.mode == "constant":
            if op.value != 0:
                return Reject("the padding is not zero")
            op = replace(op, value=quant.zero_points[0])
        if isinstance(op, Reduce) and op.kind not in ("max", "min"):
            return Reject(f"{op.kind} is no selection")
        if isinstance(op, Resize) and op.mode != "nearest":
            return Reject(f"mode {op.mode} computes")
        if isinstance(op, Resize) and op.coordinates == "tf_crop_and_resize":
            return Reject("what lies outside is no quantized number")
        moved = match.emit(op, decode.inputs[0], *node.inputs[1:])
        assert moved.type.quant is not None
        return match.emit(Decode(moved.type.quant), moved)

    def _concat(self, match: Match, op: Concat, quant: Quant) -> Value | Reject:
        stored: list[Value] = []
        for value in match.root.inputs:
            producer = match.producer(value)
            if producer is None or not isinstance(producer.op, Decode):
                return Reject("an input is not quantized")
            stored.append(producer.inputs[0])
        if len({(value.type.dtype, value.type.quant) for value in stored}) > 1:
            return Reject("the inputs have different quantizations")
        return match.emit(Decode(quant), match.emit(op, *stored))
