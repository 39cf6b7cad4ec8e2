"""Interpolate quantized tensors with coefficients of integers."""

from __future__ import annotations

import math

import numpy as np

from graphopt.analysis.axes import column
from graphopt.ir import Array, DType, Quant, Value
from graphopt.ops import Add, Decode, Gather, Mul, Resize, Retype
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import centered, span
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass

# Coefficients of fewer bits would be off by a visible part of a step.
LEAST_BITS, MOST_BITS = 10, 14
SUM_BITS = 30


class IntegerResize(RewritePass):
    """resize(decode(x)) becomes decode(sum of gather(x) * coefficient), one axis after the other.

    The coefficients of an element are multiples of 2^-k that sum to what they did, so that flat
    areas stay flat; the scale is divided by 2^k for each axis.
    """

    name = "integer-resize"
    shares_inner = True
    x = AnyValue()
    root = Apply(Resize, Apply(Decode, x))

    def rewrite(self, match: Match) -> Value | Reject:
        op, x = match.root.op, match[self.x]
        assert isinstance(op, Resize) and x.type.quant is not None
        if op.mode == "nearest":
            return Reject("elements are moved, not computed")
        if not is_narrow(x.type.dtype) or x.type.quant.axis is not None:
            return Reject("expected integers of at most 16 bits with one scale")
        axes = [i for i, d in enumerate(x.type.dims) if (d, 1) != (op.shape[i], op.scales[i])]
        taps = {axis: op.taps(axis, x.type.dims[axis]) for axis in axes}
        if op.coordinates == "tf_crop_and_resize":
            return Reject("what lies outside is no quantized number")
        growth = math.prod(float(np.abs(t.weights).sum(axis=1).max()) for t in taps.values())
        room = SUM_BITS - math.ceil(math.log2(span(x.type) * growth))
        bits = min(MOST_BITS, room // max(1, len(axes)))
        if bits < LEAST_BITS:
            return Reject(f"32 bits have room for coefficients of {bits} bits only")
        y = match.emit(Retype(), centered(match, x, DType.I32))
        for axis, each in taps.items():
            whole = _rounded(each.weights, bits)
            parts = [
                _part(match, y, axis, each.index[:, t], whole[:, t])
                for t in range(whole.shape[1])
                if whole[:, t].any()
            ]
            y = parts[0]
            for part in parts[1:]:
                y = match.emit(Add(), y, part)
        quant = Quant((x.type.quant.scales[0] * 2.0 ** (-bits * len(axes)),))
        return match.emit(Decode(quant), match.emit(Retype(quant), y))


def _rounded(weights: Array, bits: int) -> Array:
    """Coefficients [elements, taps] in steps of 2^-bits; the largest takes what rounding leaves."""
    whole = np.rint(np.ldexp(weights, bits)).astype(np.int32)
    missing = np.rint(np.ldexp(weights.sum(axis=1), bits)).astype(np.int32) - whole.sum(axis=1)
    whole[np.arange(len(whole)), np.abs(weights).argmax(axis=1)] += missing
    return whole


def _part(match: Match, x: Value, axis: int, index: Array, weights: Array) -> Value:
    """The elements at `index` along an axis, times their coefficients."""
    taken = match.emit(Gather(axis), x, match.emit_constant(index.astype(np.int64)))
    factors = weights.reshape(column(axis, x.type.rank))
    return match.emit(Mul(), taken, match.emit_constant(factors))
