"""Say in the types what quantized integers stand for."""

from __future__ import annotations

import numpy as np

from graphopt.analysis.axes import column
from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Quant, Value
from graphopt.ops import Decode, Dequantize, Encode, Quantize, Retype
from graphopt.ops.products import NARROW_BITS
from graphopt.ops.quantization import integer_range
from graphopt.passes.integer_products import wider
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class TypeQuantizers(RewritePass):
    """quantize(x) becomes encode(x), and dequantize(x) decode(x), where scales are constants.

    Integers that the graph holds as plain numbers are retyped at the border.
    """

    name = "type-quantizers"
    x = AnyValue()
    scale, zero_point = Constant(), Constant()
    quantize = Apply(Quantize, x, scale, zero_point)
    dequantize = Apply(Dequantize, x, scale, zero_point)
    root = OneOf(quantize, dequantize)

    def rewrite(self, match: Match) -> Value | Reject:
        op, x = match.root.op, match[self.x]
        assert isinstance(op, Quantize | Dequantize)
        stored = x.type.dtype if isinstance(op, Dequantize) else match.root.output.type.dtype
        real = match.root.output.type.dtype if isinstance(op, Dequantize) else x.type.dtype
        if real is not DType.F32 or match[self.scale].type.dtype is not DType.F32:
            return Reject("the floats are not f32")
        if not stored.is_integer:
            return Reject(f"{stored} holds no integers")
        if isinstance(op, Quantize) and stored.bits > NARROW_BITS:
            return Reject(f"f32 does not hold {stored} exactly")
        scale, zero_point = match.constant(self.scale), match.constant(self.zero_point)
        assert scale is not None and zero_point is not None
        array = match.constant(x)
        if array is not None and (scale <= 0).any() and np.isfinite(scale).all():
            array, scale = _with_positive_scales(array, scale, zero_point, op.axis)
            x, zero_point = match.emit_constant(array), np.array(0)
        try:
            quant = Quant.of(scale, zero_point, op.axis)
        except TypeRuleError as error:
            return Reject(error.what)
        if isinstance(op, Quantize):
            return match.emit(Retype(), match.emit(Encode(stored, quant), x))
        return match.emit(Decode(quant), match.emit(Retype(quant), x))


def _with_positive_scales(
    array: Array, scale: Array, zero_point: Array, axis: int | None
) -> tuple[Array, Array]:
    """The same real numbers with zero point 0; those of scale zero are zeros.

    Converters write negative scales where they folded a negative factor into the weights.
    """
    shape = () if axis is None else column(axis, array.ndim)
    whole = array.astype(np.int64) - zero_point.astype(np.int64).reshape(shape)
    turned = whole * np.sign(scale).astype(np.int64).reshape(shape)
    dtype = DType.of(array)
    low, high = integer_range(dtype)
    if low <= turned.min(initial=0) and turned.max(initial=0) <= high:
        turned = turned.astype(dtype.numpy)
    else:
        turned = turned.astype(wider(dtype).numpy)
    return turned, np.where(scale == 0, 1.0, np.abs(scale))
