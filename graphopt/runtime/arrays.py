"""Arrays in and out: checked, taken without a copy where memory allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import InputError
from graphopt.ir import Array, TensorType
from graphopt.runtime.manifest import Port
from graphopt.targets import CpuTarget


@runtime_checkable
class SupportsDLPack(Protocol):
    """Any array of another library that hands out its memory by DLPack."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...


def aligned(nbytes: int) -> NDArray[np.uint8]:
    """Fresh memory that starts on a 64-byte boundary."""
    memory = np.empty(nbytes + CpuTarget.alignment, np.uint8)
    start = -memory.ctypes.data % CpuTarget.alignment
    return memory[start : start + nbytes]


def new_output(type: TensorType) -> Array:
    """An array for one output, on a 64-byte boundary; numpy arrays support DLPack."""
    return aligned(type.nbytes).view(type.dtype.numpy).reshape(type.dims)


def bind(ports: Sequence[Port], given: Mapping[str, Any]) -> list[Array]:
    """The arrays for `ports`, in their order, contiguous and aligned to their elements.

    Raises:
        InputError: a name is missing or unknown, or an array has another dtype or shape.
    """
    names = [port.name for port in ports]
    if set(given) != set(names):
        raise InputError(
            "inputs", f"names: expected {', '.join(names)}, found {', '.join(map(str, given))}"
        )
    return [_check(port, given[port.name]) for port in ports]


def _check(port: Port, given: Any) -> Array:
    array = _as_numpy(port.name, given)
    where = f"input {port.name}"
    if array.dtype != port.type.dtype.numpy:
        raise InputError(
            where,
            f"dtype: expected {port.type.dtype.numpy}, found {array.dtype}",
            f"convert it: {port.name}.astype({str(port.type.dtype.numpy)!r})",
        )
    if array.shape != port.type.shape:
        raise InputError(
            where, f"shape: expected {list(port.type.shape)}, found {list(array.shape)}"
        )
    return np.require(array, requirements=("C", "A"))


def _as_numpy(name: str, given: Any) -> Array:
    if isinstance(given, np.ndarray | np.generic):
        return np.asarray(given)
    if isinstance(given, SupportsDLPack):
        try:
            return np.from_dlpack(given)
        except (BufferError, RuntimeError, TypeError) as error:
            raise InputError(
                f"input {name}", f"expected an array in this machine's memory, found {error}"
            ) from error
    raise InputError(
        f"input {name}", f"expected an array, found {type(given).__name__}", "use numpy.asarray"
    )
