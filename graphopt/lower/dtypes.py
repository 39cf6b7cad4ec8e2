"""Element types as TVM knows them."""

from graphopt.errors import UnsupportedOperator
from graphopt.ir import DType

# Within a kernel bf16 is held in an f32 (TVM's own bf16 does not survive its legalization when it
# has a name), and 2- and 4-bit integers sign- or zero-extended in a byte. Types that the CPU only
# moves are held as integers of their width.
_TVM = {
    DType.F64: "float64",
    DType.F32: "float32",
    DType.F16: "float16",
    DType.BF16: "float32",
    DType.I64: "int64",
    DType.I32: "int32",
    DType.I16: "int16",
    DType.I8: "int8",
    DType.I4: "int8",
    DType.I2: "int8",
    DType.U64: "uint64",
    DType.U32: "uint32",
    DType.U16: "uint16",
    DType.U8: "uint8",
    DType.U4: "uint8",
    DType.U2: "uint8",
    DType.BOOL: "bool",
}
_MOVED = {
    DType.F8E4M3FN: "uint8",
    DType.F8E4M3FNUZ: "uint8",
    DType.F8E5M2: "uint8",
    DType.F8E5M2FNUZ: "uint8",
    DType.F8E8M0FNU: "uint8",
    DType.F4E2M1FN: "uint8",
    DType.C64: "uint64",
}


def tvm_dtype(dtype: DType) -> str:
    """The TVM dtype in which an element of `dtype` is held inside a kernel.

    Raises:
        UnsupportedOperator: the CPU target has no such type.
    """
    name = _TVM.get(dtype) or _MOVED.get(dtype)
    if name is None:
        raise _unsupported(dtype)
    return name


def memory_dtype(dtype: DType) -> str:
    """The TVM dtype of an element of `dtype` in memory.

    Raises:
        UnsupportedOperator: the CPU target has no such type.
    """
    return "uint16" if dtype is DType.BF16 else tvm_dtype(dtype)


def computes(dtype: DType) -> bool:
    """Whether the CPU computes in this type."""
    return dtype in _TVM


def check_computes(*dtypes: DType) -> None:
    """All of these are types that the CPU computes in.

    Raises:
        UnsupportedOperator: one of them is not.
    """
    for dtype in dtypes:
        if not computes(dtype):
            raise _unsupported(dtype)


def _unsupported(dtype: DType) -> UnsupportedOperator:
    return UnsupportedOperator(
        "",
        f"dtype: expected one that the CPU computes in, found {dtype}",
        f"cast the {dtype} tensors of the model to f32",
    )
