"""The graph IR: types, values, operators, nodes, graphs. Everything here is immutable."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from types import MappingProxyType
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from graphopt.errors import TypeRuleError

Array = np.ndarray[Any, np.dtype[Any]]
Dim = int | str
# Longer arrays print as a hash.
INLINE_NUMBERS = 16


class DType(StrEnum):
    """Element type. The value is the name used in graph text."""

    F64 = "f64"
    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    F8E4M3FN = "f8e4m3fn"
    F8E4M3FNUZ = "f8e4m3fnuz"
    F8E5M2 = "f8e5m2"
    F8E5M2FNUZ = "f8e5m2fnuz"
    F8E8M0FNU = "f8e8m0fnu"
    F4E2M1FN = "f4e2m1fn"
    I64 = "i64"
    I32 = "i32"
    I16 = "i16"
    I8 = "i8"
    I4 = "i4"
    I2 = "i2"
    U64 = "u64"
    U32 = "u32"
    U16 = "u16"
    U8 = "u8"
    U4 = "u4"
    U2 = "u2"
    BOOL = "bool"
    C64 = "c64"
    C128 = "c128"
    STR = "str"

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy dtype that holds one element (4-bit types take a byte each)."""
        return _NUMPY[self]

    @property
    def itemsize(self) -> int:
        """Bytes of one element as stored in memory."""
        return self.numpy.itemsize

    @property
    def bits(self) -> int:
        """Bits of one number, where a 4-bit type has 4."""
        digits = self.value.lstrip("abcdefghijklmnopqrstuvwxyz")
        return int("".join(takewhile(str.isdigit, digits)) or 8)

    @property
    def is_float(self) -> bool:
        return self.value.startswith(("f", "bf"))

    @property
    def is_integer(self) -> bool:
        return self.value[0] in "iu"

    @property
    def is_signed(self) -> bool:
        return self.value[0] != "u" and self is not DType.BOOL

    @staticmethod
    def of(array: Array) -> DType:
        """The element type of a numpy array."""
        return _FROM_NUMPY.get(array.dtype, DType.STR)


_NUMPY: dict[DType, np.dtype[Any]] = {
    DType.F64: np.dtype(np.float64),
    DType.F32: np.dtype(np.float32),
    DType.F16: np.dtype(np.float16),
    DType.BF16: np.dtype(ml_dtypes.bfloat16),
    DType.F8E4M3FN: np.dtype(ml_dtypes.float8_e4m3fn),
    DType.F8E4M3FNUZ: np.dtype(ml_dtypes.float8_e4m3fnuz),
    DType.F8E5M2: np.dtype(ml_dtypes.float8_e5m2),
    DType.F8E5M2FNUZ: np.dtype(ml_dtypes.float8_e5m2fnuz),
    DType.F8E8M0FNU: np.dtype(ml_dtypes.float8_e8m0fnu),
    DType.F4E2M1FN: np.dtype(ml_dtypes.float4_e2m1fn),
    DType.I64: np.dtype(np.int64),
    DType.I32: np.dtype(np.int32),
    DType.I16: np.dtype(np.int16),
    DType.I8: np.dtype(np.int8),
    DType.I4: np.dtype(ml_dtypes.int4),
    DType.I2: np.dtype(ml_dtypes.int2),
    DType.U64: np.dtype(np.uint64),
    DType.U32: np.dtype(np.uint32),
    DType.U16: np.dtype(np.uint16),
    DType.U8: np.dtype(np.uint8),
    DType.U4: np.dtype(ml_dtypes.uint4),
    DType.U2: np.dtype(ml_dtypes.uint2),
    DType.BOOL: np.dtype(np.bool_),
    DType.C64: np.dtype(np.complex64),
    DType.C128: np.dtype(np.complex128),
    DType.STR: np.dtype(np.object_),
}
_FROM_NUMPY = {dtype: name for name, dtype in _NUMPY.items()}


@dataclass(frozen=True)
class Quant:
    """What stored integers stand for: real = scale * (stored - zero point).

    `scales` holds one number, or one for each index of the dimension `axis`. `zero_points` holds
    as many, or a single one that serves all of them.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...] = (0,)
    axis: int | None = None

    def __post_init__(self) -> None:
        count = len(self.scales)
        if len(self.zero_points) not in (1, count) or (self.axis is None and count != 1):
            raise TypeRuleError(
                "quantization",
                f"expected one scale and zero point, or one per index of an axis, found {count} "
                f"and {len(self.zero_points)} with axis {self.axis}",
            )
        if not all(0 < scale < math.inf for scale in self.scales):
            raise TypeRuleError("quantization", "scales: expected positive finite numbers")

    @staticmethod
    def of(scale: Array | float, zero_point: Array | int = 0, axis: int | None = None) -> Quant:
        """Quantization from arrays; scalars, or vectors along `axis`."""
        scales = np.asarray(scale, np.float64).reshape(-1).tolist()
        points = np.asarray(zero_point).astype(np.int64).reshape(-1).tolist()
        if len(set(points)) == 1:
            points = points[:1]
        return Quant(tuple(scales), tuple(points), axis)

    @property
    def centered(self) -> bool:
        """Whether the stored zero is the real zero."""
        return not any(self.zero_points)

    def along(self, axis: int | None) -> Quant:
        """The same numbers along another axis."""
        return self if axis == self.axis else replace(self, axis=axis)

    def __str__(self) -> str:
        def numbers(values: tuple[float, ...]) -> str:
            if len(values) == 1:
                return repr(values[0])
            if len(values) > INLINE_NUMBERS:
                return f"#{digest(np.array(values))}"
            return f"({', '.join(map(repr, values))})"

        along = "" if self.axis is None else f", axis {self.axis}"
        return f"<{numbers(self.scales)}, {numbers(self.zero_points)}{along}>"


def digest(array: Array) -> str:
    """The hash by which a large array is named in graph text."""
    content = str(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class TensorType:
    """Element type, shape, and what the elements stand for if they are quantized.

    A string dimension is a named symbol; equal names, equal sizes.
    """

    dtype: DType
    shape: tuple[Dim, ...]
    quant: Quant | None = None

    def __post_init__(self) -> None:
        quant = self.quant
        if quant is None:
            return
        if not self.dtype.is_integer:
            raise TypeRuleError("type", f"quantization: expected an integer type, found {self}")
        if quant.axis is not None and (
            not 0 <= quant.axis < self.rank or self.shape[quant.axis] != len(quant.scales)
        ):
            raise TypeRuleError(
                "type", f"quantization: {len(quant.scales)} scales do not fit axis of {self}"
            )

    @property
    def stored(self) -> TensorType:
        """The type of the stored elements as plain numbers."""
        return TensorType(self.dtype, self.shape)

    def moved(self, shape: tuple[Dim, ...]) -> TensorType:
        """The type of elements of this tensor, laid out in another shape.

        Raises:
            TypeRuleError: what they stand for depends on their place along an axis.
        """
        if self.quant is not None and self.quant.axis is not None:
            raise TypeRuleError("type", f"expected one scale for all elements, found {self}")
        return TensorType(self.dtype, shape, self.quant)

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape as integers.

        Raises:
            TypeRuleError: a dimension is still symbolic.
        """
        for dim in self.shape:
            if isinstance(dim, str):
                raise TypeRuleError("", f"dimension: expected a number, found the symbol {dim!r}")
        return tuple(int(dim) for dim in self.shape)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.itemsize

    @staticmethod
    def of(array: Array) -> TensorType:
        """The type of a numpy array."""
        return TensorType(DType.of(array), array.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]{self.quant or ''}"


@dataclass(frozen=True)
class Location:
    """Which nodes of the source model something comes from; fused nodes join their names."""

    names: tuple[str, ...] = ()

    def __add__(self, other: Location) -> Location:
        return Location(tuple(dict.fromkeys(self.names + other.names)))

    def __str__(self) -> str:
        return "+".join(self.names)

    @property
    def short(self) -> str:
        """For messages: one node of each name in which a converter listed several."""
        return "+".join(name.split(";")[0] for name in self.names)


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor. Compared by identity; the name is only for people."""

    name: str
    type: TensorType

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"


@dataclass(frozen=True)
class Op:
    """What a node computes: the operator and its attributes, without its inputs."""

    name: ClassVar[str]
    commutative: ClassVar[bool] = False
    quantized: ClassVar[bool] = False  # whether inputs may be of quantized types

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The output types for these input types.

        Raises:
            TypeRuleError: the operator is not defined for them.
        """
        raise TypeRuleError(self.name, "this operator has no type rule")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        """The meaning of the operator, in numpy."""
        raise TypeRuleError(self.name, "this operator has no reference semantics")

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> int:
        """Multiply-accumulates of one execution; 0 for operators that do no products."""
        return 0


@dataclass(frozen=True, eq=False)
class Node:
    """An operator applied to values."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    location: Location = Location()

    @property
    def output(self) -> Value:
        """The only output of a node that has one."""
        (value,) = self.outputs
        return value

    @property
    def macs(self) -> int:
        return self.op.macs(tuple(v.type for v in self.inputs), tuple(v.type for v in self.outputs))

    def __str__(self) -> str:
        what = f"{self.op.name} defining %{self.outputs[0].name}" if self.outputs else self.op.name
        return f"{what} ({self.location.short})" if self.location.names else what


def _freeze(constants: Mapping[Value, Array]) -> Mapping[Value, Array]:
    for array in constants.values():
        array.flags.writeable = False
    return MappingProxyType(dict(constants))


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order, with the values that enter and leave.

    `constants` owns the arrays of values known at compile time. `output_names` are what the
    user calls the outputs; a value's own name may differ after rewriting.
    """

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    constants: Mapping[Value, Array] = field(default_factory=dict)
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.constants, MappingProxyType):
            object.__setattr__(self, "constants", _freeze(self.constants))
        if not self.output_names:
            object.__setattr__(self, "output_names", tuple(v.name for v in self.outputs))

    def producers(self) -> dict[Value, Node]:
        """The node that defines each computed value."""
        return {value: node for node in self.nodes for value in node.outputs}

    def users(self) -> dict[Value, list[Node]]:
        """The nodes that read each value, in execution order, once per node."""
        users: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                users.setdefault(value, []).append(node)
        return users

    def values(self) -> Iterator[Value]:
        """Inputs, constants and computed values, each once."""
        yield from self.inputs
        yield from self.constants
        for node in self.nodes:
            yield from node.outputs

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """The graph with other nodes; constants that nothing reads any more are dropped."""
        nodes = tuple(nodes)
        used = {value for node in nodes for value in node.inputs} | set(self.outputs)
        constants = {v: a for v, a in self.constants.items() if v in used}
        return replace(self, nodes=nodes, constants=constants)

    def substitute(self, new: Mapping[Value, Value]) -> Graph:
        """The graph with every use of a key of `new` replaced by its value."""
        nodes = tuple(
            replace(n, inputs=tuple(new.get(v, v) for v in n.inputs))
            if any(v in new for v in n.inputs)
            else n
            for n in self.nodes
        )
        return replace(self, nodes=nodes, outputs=tuple(new.get(v, v) for v in self.outputs))

    def __str__(self) -> str:
        """The graph as text, which `parse_graph` reads back."""
        # text.py builds on this module.
        from graphopt.text import print_graph

        return print_graph(self)

    @property
    def macs(self) -> int:
        return sum(node.macs for node in self.nodes)

    @property
    def weight_bytes(self) -> int:
        return sum(array.nbytes for array in self.constants.values())
