"""Tensors of a model as arrays, external data included."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from onnx import SparseTensorProto, TensorProto, helper, numpy_helper

from graphopt.errors import ModelError
from graphopt.ir import Array, DType


def element_type(code: int, where: str) -> DType:
    """The element type that an ONNX data type code stands for.

    Raises:
        ModelError: there is no such type, or graphopt has none for it.
    """
    if code not in TensorProto.DataType.values() or code == TensorProto.UNDEFINED:
        raise ModelError(where, f"element type: expected an ONNX data type, found {code}")
    dtype = helper.tensor_dtype_to_np_dtype(code)
    found = DType.of(np.empty(0, dtype))
    if found is DType.STR and code != TensorProto.STRING:
        raise ModelError(where, f"element type {TensorProto.DataType.Name(code)} is not supported")
    return found


class Weights:
    """Reads tensors; external data only from inside `folder`, the model's own.

    `folder` is None for a model that is not a file: it can have no external data.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def array(self, tensor: TensorProto) -> Array:
        """The contents of a tensor.

        Raises:
            ModelError: the data are damaged, missing, or lie outside the model's folder.
        """
        where = f"tensor {tensor.name!r}" if tensor.name else "a tensor"
        dtype = element_type(tensor.data_type, where)
        if tensor.data_location == TensorProto.EXTERNAL:
            inline = TensorProto(data_type=tensor.data_type, dims=tensor.dims)
            inline.raw_data = self._read(tensor, where)
            tensor = inline
        try:
            array = numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise ModelError(where, f"the data do not fit {list(tensor.dims)}: {error}") from error
        if dtype is DType.STR:
            strings = [s.decode() if isinstance(s, bytes) else str(s) for s in array.reshape(-1)]
            return np.array(strings, dtype=object).reshape(array.shape)
        return np.asarray(array, dtype=dtype.numpy)

    def sparse(self, tensor: SparseTensorProto) -> Array:
        """A sparse tensor, made dense."""
        values = self.array(tensor.values)
        indices = self.array(tensor.indices)
        dense = np.zeros(tuple(tensor.dims), values.dtype)
        try:
            if indices.ndim == 1:
                dense.reshape(-1)[indices] = values
            else:
                dense[tuple(indices.T)] = values
        except IndexError as error:
            raise ModelError(f"sparse tensor {tensor.values.name!r}", str(error)) from error
        return dense

    def _read(self, tensor: TensorProto, where: str) -> bytes:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if self.folder is None:
            raise ModelError(
                where,
                f"external data in {location!r}: expected a model file to stand beside",
                "give the path of the model instead of its bytes",
            )
        path = Path(location)
        root = self.folder.resolve()
        real = (root / path).resolve()
        if not location or path.is_absolute() or ".." in path.parts or root not in real.parents:
            raise ModelError(
                where,
                f"external data: expected a file inside the model's folder, found {location!r}",
            )
        if not real.is_file():
            raise ModelError(
                where,
                f"external data: expected the file {location!r} beside the model, found none",
            )
        try:
            offset = int(entries.get("offset", 0))
            length = int(entries.get("length", -1))
        except ValueError as error:
            raise ModelError(where, f"external data: {error}") from error
        size = real.stat().st_size
        if length < 0:
            length = size - offset
        if offset < 0 or offset + length > size:
            raise ModelError(
                where,
                f"external data: expected {length} bytes at {offset} in {location!r}, "
                f"found a file of {size}",
            )
        elements = math.prod(tensor.dims)
        bits = _bits(element_type(tensor.data_type, where))
        if length < (elements * bits + 7) // 8:
            raise ModelError(
                where,
                f"external data: expected {(elements * bits + 7) // 8} bytes, found {length}",
            )
        with real.open("rb") as file:
            file.seek(offset)
            return file.read((elements * bits + 7) // 8)


def _bits(dtype: DType) -> int:
    packed = {DType.I4: 4, DType.U4: 4, DType.F4E2M1FN: 4, DType.I2: 2, DType.U2: 2}
    return packed.get(dtype, 8 * dtype.itemsize)
