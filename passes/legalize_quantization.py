"""Quantize and dequantize by float operators, which every kernel can take into its epilogue."""

from __future__ import annotations

import numpy as np

from graphopt.analysis.axes import column
from graphopt.ir import DType, TensorType, Value
from graphopt.ops import Add, Cast, Clip, Dequantize, Div, Mul, Quantize, Round, Sub
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class LegalizeQuantization(RewritePass):
    """quantize(x) becomes cast(clip(round(x / scale), ...) + zero_point), and dequantize likewise.

    Exact for integers of at most 16 bits, which f32 holds, and for one zero point per tensor.
    """

    name = "legalize-quantization"
    x = AnyValue()
    scale, zero_point = Constant(), Constant()
    quantize = Apply(Quantize, x, scale, zero_point)
    dequantize = Apply(Dequantize, x, scale, zero_point)
    root = OneOf(quantize, dequantize)

    def rewrite(self, match: Match) -> Value | Reject:
        op, x, scale = match.root.op, match[self.x], match[self.scale]
        point = zero_point(match, self.zero_point)
        if isinstance(point, Reject):
            return point
        if scale.type.dtype is not DType.F32:
            return Reject("the scale is not f32")
        if isinstance(op, Dequantize):
            return dequantized(match, match.emit(Cast(DType.F32), x), point, scale, op.axis)
        assert isinstance(op, Quantize)
        if x.type.dtype is not DType.F32:
            return Reject("the input is not f32")
        dtype = match.root.output.type.dtype
        steps = rounded(match, x, point, scale, op.axis, dtype)
        if point:
            steps = match.emit(Add(), steps, match.emit_constant(np.array(point, np.float32)))
        return match.emit(Cast(dtype), steps)


def zero_point(match: Match, pattern: Constant) -> int | Reject:
    """The one zero point of a tensor of integers that floats hold exactly."""
    array = match.constant(pattern)
    assert array is not None
    dtype = DType.of(array)
    if not dtype.is_integer or dtype.itemsize > 2:
        return Reject(f"floats do not hold {dtype} exactly")
    if array.size == 0 or bool((array != array.flat[0]).any()):
        return Reject("zero points differ along an axis")
    return int(array.flat[0])


def rounded(
    match: Match, x: Value, point: int, scale: Value, axis: int | None, dtype: DType
) -> Value:
    """x in steps of the scale: an f32 whole number that, with the zero point, fits `dtype`."""
    low, high = integer_range(dtype)
    steps = match.emit(Round(), match.emit(Div(), x, _along(match, scale, x.type, axis)))
    return match.emit(Clip(float(low - point), float(high - point)), steps)


def dequantized(match: Match, stored: Value, point: int, scale: Value, axis: int | None) -> Value:
    """What the f32 whole numbers `stored` stand for."""
    if point:
        stored = match.emit(Sub(), stored, match.emit_constant(np.array(point, np.float32)))
    return match.emit(Mul(), stored, _along(match, scale, stored.type, axis))


def _along(match: Match, scale: Value, type: TensorType, axis: int | None) -> Value:
    if axis is None:
        return scale
    array = match.constant(scale)
    assert array is not None
    return match.emit_constant(array.reshape(column(axis, type.rank)))
