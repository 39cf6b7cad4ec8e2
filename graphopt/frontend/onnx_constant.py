"""Operators whose result is known at import, or that are not there at inference."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from onnx import SparseTensorProto, helper

from graphopt.frontend.builder import Operand
from graphopt.frontend.call import Call, Import
from graphopt.frontend.fallback import keep
from graphopt.ir import DType, Value
from graphopt.ops import Bitcast, Cast, Clip, Identity

EIGHT_BIT_FLOATS = (DType.F8E4M3FN, DType.F8E4M3FNUZ, DType.F8E5M2, DType.F8E5M2FNUZ)


def constant(call: Call) -> Value:
    """Constant, whichever of its attributes holds the value."""
    (attribute,) = [a for a in call.node.attribute if a.name.startswith(("value", "sparse"))] or [
        None
    ]
    if attribute is None:
        raise call.invalid("attributes: expected one that holds the value, found none")
    value = helper.get_attribute_value(attribute)
    match attribute.name:
        case "value":
            array = call.tensor("value")
        case "sparse_value":
            assert isinstance(value, SparseTensorProto)
            array = call.importer.weights.sparse(value)
        case "value_float" | "value_floats":
            array = np.asarray(value, np.float32)
        case "value_int" | "value_ints":
            array = np.asarray(value, np.int64)
        case "value_string":
            array = np.asarray(value.decode(), dtype=object)
        case _:
            array = np.asarray([v.decode() for v in value], dtype=object)
    return call.constant(array)


def constant_of_shape(call: Call) -> Value:
    """ConstantOfShape: the shape must be known."""
    shape = call.known_ints(0, "shape")
    fill = call.tensor("value") if call.has_attribute("value") else np.zeros(1, np.float32)
    if min(shape, default=0) < 0:
        raise call.invalid(f"shape: expected sizes of at least 0, found {list(shape)}")
    return call.constant(np.full(shape, fill.reshape(-1)[0], fill.dtype))


def shape(call: Call) -> Value:
    """Shape, from `start` to `end` (opset 15)."""
    dims = call.input(0).type.dims
    end = call.integer("end", len(dims))
    return call.constant(dims[call.integer("start", 0) : end], np.int64)


def size(call: Call) -> Value:
    """Size."""
    return call.constant(call.input(0).type.elements, np.int64)


def range_(call: Call) -> Value:
    """Range over known bounds."""
    start, limit, delta = (call.known(i, "bounds").reshape(()) for i in range(3))
    count = max(int(np.ceil((limit - start) / delta)), 0)
    return call.constant((start + delta * np.arange(count)).astype(start.dtype))


def eye_like(call: Call) -> Value:
    """EyeLike: only the type of the input counts."""
    x = call.input(0).type
    dtype = x.dtype.numpy
    if call.has_attribute("dtype"):
        dtype = call.element_type("dtype").numpy
    rows, columns = x.dims
    return call.constant(np.eye(rows, columns, call.integer("k", 0), dtype=np.int64).astype(dtype))


def identity(call: Call) -> Value:
    """Identity."""
    return call.emit(Identity(), call.input(0))


def dropout(call: Call) -> tuple[Value, Value]:
    """Dropout at inference: x, and a mask of ones."""
    x = call.input(0)
    training = call.array(2)
    if call.has(2) and (training is None or bool(training)):
        ratio = call.array(1)
        if ratio is None or float(ratio) != 0:
            raise call.unsupported("training mode", "export the model for inference")
    mask = DType.BOOL if call.opset >= 10 else x.type.dtype
    if len(call.node.output) < 2:
        return call.emit(Identity(), x), x
    return call.emit(Identity(), x), call.constant(np.ones(x.type.dims, mask.numpy))


def cast(call: Call) -> Value | tuple[Operand, ...]:
    """Cast."""
    return _cast(call, call.element_type("to"))


def bit_cast(call: Call) -> Value:
    """BitCast: between integers of one size, where numbers wrap, it is a Cast."""
    x, to = call.input(0), call.element_type("to")
    if x.type.dtype.is_float or to.is_float:
        return call.emit(Bitcast(to), x)
    return call.emit(Cast(to), x)


def cast_like(call: Call) -> Value | tuple[Operand, ...]:
    """CastLike: Cast to the element type of the second input."""
    return _cast(call, call.input(1).type.dtype)


def _cast(call: Call, to: DType) -> Value | tuple[Operand, ...]:
    x = call.input(0)
    text = DType.STR in (x.type.dtype, to)
    if text or to is DType.F8E8M0FNU or to is DType.F4E2M1FN:
        return keep(call)
    if to in EIGHT_BIT_FLOATS and x.type.dtype.is_float and call.integer("saturate", 1):
        largest = float(ml_dtypes.finfo(to.numpy).max)  # type: ignore[no-untyped-call]
        x = call.emit(Clip(-largest, largest), x)
    return call.emit(Cast(to), x)


IMPORTERS: dict[str, Import] = {
    "BitCast": bit_cast,
    "Cast": cast,
    "CastLike": cast_like,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Dropout": dropout,
    "EyeLike": eye_like,
    "Identity": identity,
    "Range": range_,
    "Shape": shape,
    "Size": size,
}
