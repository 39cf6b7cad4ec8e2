"""Average quantized tensors by exact integer sums."""

from __future__ import annotations

import math

import numpy as np

from graphopt.ir import Array, DType, Quant, TensorType, Value
from graphopt.ops import AveragePool, Decode, Mul, Reduce, Retype, SumPool
from graphopt.ops.pooling import Pool
from graphopt.ops.products import is_narrow
from graphopt.passes.integer_products import ACCUMULATOR_LIMIT, centered, span
from graphopt.rewrite import AnyValue, Apply, Match, OneOf, Reject, RewritePass


class IntegerPool(RewritePass):
    """average(decode(x)) becomes decode(sum(x)), whose scale is divided by the number of taps.

    Where windows hold different numbers of taps, their sums are multiplied up to the least common
    multiple. So for means and sums over axes.
    """

    name = "integer-pool"
    shares_inner = True
    x = AnyValue()
    real = Apply(Decode, x)
    pool, reduce = Apply(AveragePool, real), Apply(Reduce, real)
    root = OneOf(pool, reduce)

    def rewrite(self, match: Match) -> Value | Reject:
        x, quant = match[self.x], match.op(self.real).quant
        if quant.axis is not None or not is_narrow(x.type.dtype):
            return Reject("expected integers of at most 16 bits with one scale")
        if self.reduce in match:
            return self._reduced(match, x)
        op = match.op(self.pool)
        pool = SumPool(op.kernel, op.strides, op.pads, op.dilations, op.ceil, op.layout)
        counts = tap_counts(op, x.type)
        common = math.lcm(*np.unique(counts).tolist())
        if span(x.type) * math.prod(op.kernel) * common >= ACCUMULATOR_LIMIT:
            return Reject(f"windows of {np.unique(counts)} taps have no common scale in 32 bits")
        inside = taps_inside(pool, x.type)
        if not quant.centered and (inside == inside.flat[0]).all() and (counts == common).all():
            # The zero point of all sums is the same: nothing needs to be taken off x.
            raw = match.emit(Retype(Quant(quant.scales)), x)
            zero = quant.zero_points[0] * int(inside.flat[0])
            return _read(match, match.emit(pool, raw), 1 / common, zero)
        sums = match.emit(pool, centered(match, x))
        if (counts != common).any():
            weights = common // counts
            one = Quant((1.0,))
            sums = match.emit(Mul(), sums, match.emit_constant(weights.astype(np.int32), one))
        return _read(match, sums, 1 / common)

    def _reduced(self, match: Match, x: Value) -> Value | Reject:
        op = match.op(self.reduce)
        if op.kind not in ("sum", "mean"):
            return Reject(f"{op.kind} is no sum")
        count = math.prod(x.type.dims[axis] for axis in op.axes)
        if span(x.type) * count >= ACCUMULATOR_LIMIT:
            return Reject(f"sums of {count} elements do not fit 32 bits")
        wide = centered(match, x, DType.I32)
        sums = match.emit(Reduce("sum", op.axes, op.keepdims), wide)
        return _read(match, sums, 1 / count if op.kind == "mean" else 1.0)


def _read(match: Match, sums: Value, factor: float, zero: int = 0) -> Value:
    assert sums.type.quant is not None
    quant = Quant(tuple(scale * factor for scale in sums.type.quant.scales), (zero,))
    return match.emit(Decode(quant), match.emit(Retype(quant), sums))


def tap_counts(op: AveragePool, x: TensorType) -> Array:
    """By how many taps each window is divided, shaped to broadcast over the result (i64)."""
    ones = np.ones((1, 1, *_spatial(op, x)), np.float32)
    (shares,) = AveragePool(
        op.kernel, op.strides, op.pads, op.dilations, op.ceil, count_pad=op.count_pad
    ).evaluate(ones)
    pool = SumPool(op.kernel, op.strides, op.pads, op.dilations, op.ceil, op.layout)
    counts = np.rint(taps_inside(pool, x) / shares).astype(np.int64)
    return np.moveaxis(counts, 1, -1) if op.layout == "NHWC" else counts


def taps_inside(op: SumPool, x: TensorType) -> Array:
    """How many taps of each window are no padding, channels first."""
    ones = np.ones((1, 1, *_spatial(op, x)), np.int32)
    (inside,) = SumPool(op.kernel, op.strides, op.pads, op.dilations, op.ceil).evaluate(ones)
    return inside


def _spatial(op: Pool, x: TensorType) -> tuple[int, ...]:
    return x.dims[1:-1] if op.layout == "NHWC" else x.dims[2:]
