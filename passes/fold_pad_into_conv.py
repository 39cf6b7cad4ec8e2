"""Let a convolution pad its input itself."""

from dataclasses import replace

from graphopt.ir import Value
from graphopt.ops import Conv, Pad
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class FoldPadIntoConv(RewritePass):
    """conv(pad(x)) with padding around the spatial dimensions becomes conv(x) with larger pads.

    Where the convolution pads already, both must pad with the same value.
    """

    name = "fold-pad-into-conv"
    x = AnyValue()
    pad = Apply(Pad, x)
    root = Apply(Conv, pad, ...)

    def rewrite(self, match: Match) -> Value | Reject:
        pad, node = match.op(self.pad), match.root
        assert isinstance(node.op, Conv)
        if pad.mode != "constant":
            return Reject(f"the padding is of mode {pad.mode}")
        fill = int(pad.value) if match[self.x].type.dtype.is_integer else 0
        if pad.value != fill or (any(node.op.pads) and node.op.pad_value != fill):
            return Reject("the padding is not what the convolution pads with")
        added = spatial_pads(pad, node.op.layout)
        if added is None:
            return Reject("the padding is negative, or of the batch or channels")
        pads = tuple(a + b for a, b in zip(node.op.pads, added, strict=True))
        return match.emit(
            replace(node.op, pads=pads, pad_value=fill), match[self.x], *node.inputs[1:]
        )


def spatial_pads(pad: Pad, layout: str) -> tuple[int, ...] | None:
    """The pads of the spatial dimensions; None if others are padded or something is cut off."""
    rank = len(pad.pads) // 2
    first = 1 if layout == "NHWC" else 2
    spatial = range(first, first + rank - 2)
    ends = [i + rank for i in spatial]
    inside = {*spatial, *ends}
    if min(pad.pads) < 0 or any(p for i, p in enumerate(pad.pads) if i not in inside):
        return None
    return tuple(pad.pads[i] for i in (*spatial, *ends))
