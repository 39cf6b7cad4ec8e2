"""Conversions between element types, as numpy does them."""

from __future__ import annotations

from tvm import tirx

from graphopt.ir import DType
from graphopt.lower.dtypes import tvm_dtype
from graphopt.lower.lanes import (
    Expr,
    Scope,
    bits,
    cast,
    const,
    either,
    element_of,
    is_nan,
    select,
)

_PACKED = (DType.I4, DType.I2, DType.U4, DType.U2)


def cast_to(let: Scope, x: Expr, to: DType) -> Expr:
    """`x`, which should have a name, as another element type.

    Floats become integers by truncation towards zero; what is out of range wraps.

    Raises:
        UnsupportedOperator: TVM has no such type.
    """
    element, target = element_of(x), tvm_dtype(to)
    if to is DType.BOOL:
        return x if element == "bool" else _is_true(let, x)
    if element == "bool":
        x = let(select(x, const(1, x, "int32"), const(0, x, "int32")))
        element = "int32"
    if to is DType.BF16:
        return _from_bfloat16(_to_bfloat16(let, let(cast(x, "float32"))))
    if target == "float16":
        return cast(x if element == "float64" else cast(x, "float32"), target)
    if element.startswith("float") and to.is_integer:
        x = _truncate(let, x, to)
    return _wrap(x, to) if to in _PACKED else cast(x, target)


def _is_true(let: Scope, x: Expr) -> Expr:
    if element_of(x) == "float16":
        x = let(cast(x, "float32"))
    nonzero = tirx.NE(x, const(0, x))
    # LLVM's comparison is the ordered one, false for NaN.
    return either(nonzero, is_nan(x)) if element_of(x).startswith("float") else nonzero


def unpack(x: Expr, dtype: DType) -> Expr:
    """An element as memory holds it, as held in a kernel.

    Memory holds 2- and 4-bit integers in the low bits of a byte, and bf16 in two bytes.
    """
    if dtype is DType.BF16:
        return _from_bfloat16(x)
    return _wrap(x, dtype) if dtype in _PACKED else x


def pack(x: Expr, dtype: DType) -> Expr:
    """The inverse of `unpack`; rounds to bf16."""
    if dtype is DType.BF16:
        let = Scope()
        return let.close(_to_bfloat16(let, let(x)))
    if dtype not in _PACKED:
        return x
    return cast(cast(x, "int32") & const((1 << _width(dtype)) - 1, x, "int32"), tvm_dtype(dtype))


def _width(dtype: DType) -> int:
    return int(dtype.value[1:])


def _wrap(x: Expr, dtype: DType) -> Expr:
    wide, unused = cast(x, "int32"), 32 - _width(dtype)
    if not dtype.is_signed:
        return cast(wide & const((1 << _width(dtype)) - 1, wide), tvm_dtype(dtype))
    return cast((wide << const(unused, wide)) >> const(unused, wide), tvm_dtype(dtype))


def _truncate(let: Scope, x: Expr, to: DType) -> Expr:
    """A float as the integer type through which an x86 CPU reaches `to`."""
    if element_of(x) == "float16":
        x = let(cast(x, "float32"))
    if to is DType.U64:
        edge = const(2.0**63, x)
        low, high = cast(x, "int64"), cast(x - edge, "int64")
        top = const(1, x, "uint64") << const(63, x, "uint64")
        wrapped = cast(high, "uint64") | top
        return select(x < edge, cast(low, "uint64"), wrapped)
    return cast(x, "int64" if to in (DType.U32, DType.I64) else "int32")


def _from_bfloat16(x: Expr) -> Expr:
    """The f32 with the 16 high bits `x`."""
    raw = cast(x, "uint32")
    return bits(raw << const(16, raw), "float32")


def _to_bfloat16(let: Scope, x: Expr) -> Expr:
    """The 16 high bits of the f32 `x`, rounded to even."""
    raw = let(bits(x, "uint32"))
    odd = (raw >> const(16, raw)) & const(1, raw)
    rounded = (raw + const(0x7FFF, raw) + odd) >> const(16, raw)
    # Rounding could carry a NaN's mantissa into infinity: any NaN becomes the quiet one.
    magnitude = raw & const(0x7FFFFFFF, raw)
    nan = (raw >> const(16, raw)) | const(0x40, raw)
    kept = select(magnitude > const(0x7F800000, raw), nan, rounded)
    return cast(kept, "uint16")
