"""Let a pool pad its input itself."""

from __future__ import annotations

import math
from dataclasses import replace

import ml_dtypes
import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import DType, Node, TensorType, Value
from graphopt.ops import (
    Abs,
    AveragePool,
    Clip,
    Exp,
    HardSigmoid,
    MaxPool,
    Pad,
    Pool,
    Relu,
    Reshape,
    Sigmoid,
    Slice,
    Softmax,
    Sqrt,
    Transpose,
)
from graphopt.ops.window import channels_first
from graphopt.passes.fold_pad_into_conv import spatial_pads
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class FoldPadIntoPool(RewritePass):
    """pool(pad(x)) becomes pool(x) with larger pads.

    For max_pool the padding must never win: it is the lowest number, or a zero below values
    that cannot be negative while every window holds one of them. For average_pool it must be
    zeros, which then count.
    """

    name = "fold-pad-into-pool"
    x = AnyValue()
    pad = Apply(Pad, x)
    max_pool, average_pool = Apply(MaxPool, pad), Apply(AveragePool, pad)
    root = OneOf(max_pool, average_pool)

    def rewrite(self, match: Match) -> Value | Reject:
        x, pad, pool = match[self.x], match.op(self.pad), match.root.op
        assert isinstance(pool, Pool)
        added = spatial_pads(pad, pool.layout)
        if pad.mode != "constant" or added is None:
            return Reject("the padding is not constant, or not of the spatial dimensions")
        folded = replace(pool, pads=tuple(a + b for a, b in zip(pool.pads, added, strict=True)))
        if isinstance(folded, AveragePool):
            if pad.value != 0:
                return Reject("the padding is not zeros")
            if any(pool.pads) and not folded.count_pad:
                return Reject("the pool's own padding does not count but the other does")
            folded = replace(folded, count_pad=True)
        elif pad.value != 0 or not is_non_negative(match.producer(x), match):
            if not _is_lowest(pad.value, x.type.dtype):
                return Reject("the padding could be the maximum")
            if pad.value != -math.inf and not _every_window_is_inside(folded, x.type):
                return Reject("a window lies in the padding")
        elif not _every_window_is_inside(folded, x.type):
            return Reject("a window lies in the padding")
        try:
            same = folded.infer(x.type) == (match.root.output.type,)
        except TypeRuleError:
            same = False
        if not same:
            return Reject("the rounding up of the output size depends on the padding")
        return match.emit(folded, x)


def _is_lowest(value: float, dtype: DType) -> bool:
    if dtype.is_float:
        limits = ml_dtypes.finfo(dtype.numpy)  # type: ignore[no-untyped-call]
        return value <= float(limits.min)
    return dtype.is_integer and value == np.iinfo(dtype.numpy).min


def is_non_negative(node: Node | None, match: Match) -> bool:
    """Whether what `node` computes is never negative, as far as the operators show."""
    if node is None:
        return False
    match node.op:
        case Relu() | Sigmoid() | HardSigmoid() | Softmax(log=False) | Abs() | Exp() | Sqrt():
            return True
        case Clip(low=low):
            return low is not None and low >= 0
        case Pool() | Reshape() | Transpose() | Slice():
            return is_non_negative(match.producer(node.inputs[0]), match)
        case _:
            return False


def _every_window_is_inside(pool: Pool, x: TensorType) -> bool:
    """Whether each window has a tap within x itself."""
    size = channels_first(x.dims, pool.layout)[2:]
    try:
        counts = pool.output_size(size)
    except TypeRuleError:
        return False
    for i, (n, count) in enumerate(zip(size, counts, strict=True)):
        starts = np.arange(count) * pool.strides[i] - pool.pads[i]
        taps = starts[:, None] + np.arange(pool.kernel[i]) * pool.dilations[i]
        if not ((taps >= 0) & (taps < n)).any(axis=1).all():
            return False
    return True
