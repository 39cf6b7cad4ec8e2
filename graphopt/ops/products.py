"""What sums of products have in common: their accumulator, and what it stands for."""

from __future__ import annotations

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Quant, TensorType

# Products of wider integers do not fit the accumulator.
NARROW_BITS = 16


def is_narrow(dtype: DType) -> bool:
    """Whether products of this type are summed in i32."""
    return dtype.is_integer and dtype.bits <= NARROW_BITS


def accumulator(name: str, x: TensorType, w: TensorType) -> DType:
    """The dtype of sums of x * w: i32 for integers of at most 16 bits, else their own.

    Raises:
        TypeRuleError: the two do not go together.
    """
    if is_narrow(x.dtype) and is_narrow(w.dtype):
        return DType.I32
    if x.dtype is not w.dtype:
        raise TypeRuleError(name, f"dtypes: expected one, found {x.dtype}, {w.dtype}")
    return x.dtype


def product_quant(
    name: str, x: TensorType, w: TensorType, outputs: int | None, axis: int
) -> Quant | None:
    """What sums of products of x and w stand for: scale of x times scale of w, zero at zero.

    Args:
        outputs: the dimension of w that counts outputs.
        axis: the dimension of the result that does.

    Raises:
        TypeRuleError: one of both is quantized alone, a zero point is not zero, or scales differ
            within a sum.
    """
    if x.quant is None and w.quant is None:
        return None
    if x.quant is None or w.quant is None:
        raise TypeRuleError(name, f"expected both or none quantized, found {x} and {w}")
    if not (x.quant.centered and w.quant.centered):
        raise TypeRuleError(name, f"zero points: expected 0, found {x.quant} and {w.quant}")
    if x.quant.axis is not None or w.quant.axis not in (None, outputs):
        raise TypeRuleError(name, f"scales differ within a sum: {x.quant} and {w.quant}")
    (scale,) = x.quant.scales
    scales = tuple(scale * each for each in w.quant.scales)
    return Quant(scales, axis=None if w.quant.axis is None else axis)


def exact(array: Array) -> Array:
    """Operands whose sums of products the BLAS computes exactly: integers as f64.

    Sums stay below 2^53, so that wrapping them to i32 afterwards is exact too.
    """
    narrow = DType.of(array)
    return array.astype(np.float64) if is_narrow(narrow) else array


def rounded_to(array: Array, dtype: DType) -> Array:
    """Sums of products in their accumulator's dtype; integers wrap."""
    if dtype is DType.I32 and array.dtype == np.float64:
        array = array.astype(np.int64)
    return np.ascontiguousarray(array, dtype=dtype.numpy)
