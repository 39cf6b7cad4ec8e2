"""One ONNX node as its importer sees it: inputs, attributes, and the graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, helper

from graphopt.errors import ModelError, NotConstant, UnsupportedOperator
from graphopt.frontend.builder import Builder, Operand
from graphopt.frontend.weights import element_type
from graphopt.ir import Array, DType, Op, Value

if TYPE_CHECKING:
    from graphopt.frontend.importer import Importer, Scope

T = TypeVar("T")
_MISSING: Any = object()


class Call:
    """An ONNX node being imported.

    Attributes:
        node: the node.
        inputs: what it reads; None for an input that is left out.
        opset: the version of the operator's domain that the model asks for.
        importer: imports subgraphs of the node (`import_graph`).
        scope: the values visible to those subgraphs.
        where: file and node name, for errors.
    """

    def __init__(
        self,
        node: NodeProto,
        inputs: tuple[Operand | None, ...],
        opset: int,
        importer: Importer,
        scope: Scope,
        where: str,
    ) -> None:
        self.node = node
        self.inputs = inputs
        self.opset = opset
        self.importer = importer
        self.scope = scope
        self.where = where
        self._attributes = {a.name: a for a in node.attribute}

    @property
    def builder(self) -> Builder:
        return self.importer.builder

    def emit(self, op: Op, *inputs: Value) -> Value:
        """Add a canonical operator with one output."""
        return self.builder.emit(op, *inputs)

    def emit_node(self, op: Op, *inputs: Value) -> tuple[Value, ...]:
        """Add a canonical operator."""
        return self.builder.emit_node(op, *inputs)

    def constant(self, array: Array | float | int | Iterable[int], dtype: Any = None) -> Value:
        """A constant; `dtype` is a numpy dtype."""
        return self.builder.constant(np.asarray(array, dtype=dtype))

    def scalar(self, number: float | int, like: Value) -> Value:
        """A rank-0 constant of the element type of `like`."""
        return self.builder.constant(np.asarray(number).astype(like.type.dtype.numpy))

    def has(self, index: int) -> bool:
        """Whether input `index` is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int) -> Value:
        """Input `index`, a tensor.

        Raises:
            ModelError: it is left out.
            UnsupportedOperator: it is a sequence or optional.
        """
        operand = self.inputs[index] if index < len(self.inputs) else None
        if operand is None:
            raise ModelError(self.where, f"input {index}: expected a tensor, found none")
        if not isinstance(operand, Value):
            raise UnsupportedOperator(
                self.where, f"input {index}: expected a tensor, found a sequence"
            )
        return operand

    def ranked(self, index: int, rank: int) -> Value:
        """Input `index`, a tensor of that rank.

        Raises:
            ModelError: it is left out, or of another rank.
        """
        value = self.input(index)
        if value.type.rank != rank:
            raise self.invalid(f"input {index}: expected rank {rank}, found {value.type}")
        return value

    def optional(self, index: int) -> Value | None:
        """Input `index`, or None when it is left out."""
        return self.input(index) if self.has(index) else None

    def tensors(self) -> tuple[Value, ...]:
        """All inputs, each a tensor."""
        return tuple(self.input(i) for i in range(len(self.inputs)))

    def tensors_given(self) -> tuple[Value, ...]:
        """The inputs that are not left out, each a tensor."""
        return tuple(self.input(i) for i in range(len(self.inputs)) if self.has(i))

    def known(self, index: int, role: str) -> Array:
        """The array of input `index`, which must be known at compile time.

        Args:
            role: what the input decides, for the error.

        Raises:
            NotConstant: the input is computed at run time; names it.
        """
        value = self.input(index)
        array = self.builder.array(value)
        if array is None:
            raise self.not_constant(value, role)
        return array

    def not_constant(self, value: Value, role: str) -> NotConstant:
        """The error that says that `value` must be known, and which inputs it comes from."""
        return NotConstant(self.where, value.name, role, self.builder.sources(value))

    def known_ints(self, index: int, role: str) -> tuple[int, ...]:
        """The integers of input `index`, which must be known at compile time."""
        return tuple(int(i) for i in self.known(index, role).reshape(-1))

    def array(self, index: int) -> Array | None:
        """The array of input `index` if it is there and known at compile time."""
        value = self.optional(index)
        return None if value is None else self.builder.array(value)

    def axis(self, axis: int, rank: int) -> int:
        """`axis` counted from the front.

        Raises:
            ModelError: it is not an axis of that rank.
        """
        if not -rank <= axis < rank:
            raise self.invalid(f"axis: expected one of rank {rank}, found {axis}")
        return axis % rank

    def has_attribute(self, name: str) -> bool:
        return name in self._attributes

    def integer(self, name: str, default: int = _MISSING) -> int:
        """An integer attribute."""
        return int(self._attribute(name, default, AttributeProto.INT))

    def number(self, name: str, default: float = _MISSING) -> float:
        """A number attribute, as the shortest decimal that rounds to its f32 value."""
        value = self._attribute(name, default, AttributeProto.FLOAT)
        return float(str(np.float32(value)))

    def string(self, name: str, default: str = _MISSING) -> str:
        """A string attribute."""
        value = self._attribute(name, default, AttributeProto.STRING)
        return value.decode() if isinstance(value, bytes) else str(value)

    def integers(self, name: str, default: Iterable[int] = _MISSING) -> tuple[int, ...]:
        """An attribute that is a list of integers."""
        return tuple(int(i) for i in self._attribute(name, default, AttributeProto.INTS))

    def numbers(self, name: str, default: Iterable[float] = _MISSING) -> tuple[float, ...]:
        """An attribute that is a list of numbers."""
        return tuple(float(i) for i in self._attribute(name, default, AttributeProto.FLOATS))

    def strings(self, name: str, default: Iterable[str] = _MISSING) -> tuple[str, ...]:
        """An attribute that is a list of strings."""
        values = self._attribute(name, default, AttributeProto.STRINGS)
        return tuple(v.decode() if isinstance(v, bytes) else str(v) for v in values)

    def tensor(self, name: str) -> Array:
        """A tensor attribute."""
        proto = self._attribute(name, _MISSING, AttributeProto.TENSOR)
        return self.importer.weights.array(proto)

    def element_type(self, name: str) -> DType:
        """An attribute that is an ONNX data type."""
        return element_type(self.integer(name), self.where)

    def graph(self, name: str) -> GraphProto:
        """A subgraph attribute."""
        graph: GraphProto = self._attribute(name, _MISSING, AttributeProto.GRAPH)
        return graph

    def _attribute(self, name: str, default: T, kind: int) -> T:
        proto = self._attributes.get(name)
        if proto is None:
            if default is _MISSING:
                raise ModelError(self.where, f"attribute {name}: expected a value, found none")
            return default
        if proto.type != kind:
            expected = AttributeProto.AttributeType.Name(kind)
            found = AttributeProto.AttributeType.Name(proto.type)
            raise ModelError(self.where, f"attribute {name}: expected {expected}, found {found}")
        value: T = helper.get_attribute_value(proto)
        return value

    def unsupported(self, what: str, hint: str = "") -> UnsupportedOperator:
        """The error that says what of this node graphopt cannot compile."""
        return UnsupportedOperator(self.where, what, hint)

    def invalid(self, what: str) -> ModelError:
        """The error that says how this node breaks the ONNX rules."""
        return ModelError(self.where, what)


Import: TypeAlias = Callable[[Call], Operand | tuple[Operand, ...]]
"""Imports one operator: returns the value of each output of the node, in order."""
