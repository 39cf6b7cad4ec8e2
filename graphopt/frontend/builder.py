"""Builds a graph node by node, computing at once what is already known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Graph, Location, Node, Op, TensorType, Value
from graphopt.ops import Dequantize, OnnxOp, Quantize

# Shapes, indices and masks are computed during import whatever their size up to this; other
# results only when they are small. The constant folding pass does the rest.
FOLD_INTEGERS = 1 << 20
FOLD_ELEMENTS = 4096
RANDOM = frozenset(
    (
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    )
)


@dataclass(frozen=True)
class TensorList:
    """A sequence of ONNX: it exists only during import, as the values it holds.

    An optional that holds something is that thing; one that does not is not `present`.
    """

    items: tuple[Operand, ...]
    present: bool = True


Operand = Value | TensorList


class Builder:
    """Collects nodes and constants; a node over small constants becomes a constant.

    Attributes:
        made: every value, in the order in which they were made.
        location, hint: the source of new nodes, and a name for new values.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[Value, Array] = {}
        self.made: list[Value] = []
        self.location = Location()
        self.hint = "value"
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}

    def constant(self, array: Array, name: str | None = None) -> Value:
        """A value known at compile time."""
        array = np.asarray(array)
        value = self.value(name or self.hint, TensorType.of(array))
        self.constants[value] = array
        return value

    def array(self, value: Value) -> Array | None:
        """The array of a value known at compile time; None when it is computed."""
        return self.constants.get(value)

    def emit(self, op: Op, *inputs: Value) -> Value:
        """Add a node with one output; returns that output."""
        (output,) = self.emit_node(op, *inputs)
        return output

    def emit_node(self, op: Op, *inputs: Value) -> tuple[Value, ...]:
        """Add a node; returns its outputs.

        Raises:
            TypeRuleError: the operator is not defined for the types of the inputs.
        """
        types = op.infer(*(v.type for v in inputs))
        if all(v in self.constants for v in inputs) and _folds(op, types):
            arrays = _evaluate(op, tuple(self.constants[v] for v in inputs))
            return tuple(self.constant(array) for array in arrays)
        outputs = tuple(self.value(self.hint, type) for type in types)
        self.nodes.append(Node(op, inputs, outputs, self.location))
        return outputs

    def sources(self, value: Value) -> tuple[str, ...]:
        """The names of the graph's inputs that `value` is computed from."""
        producer = {made: node for node in self.nodes for made in node.outputs}
        seen: dict[Value, None] = {value: None}
        pending = [value]
        while pending:
            node = producer.get(pending.pop())
            for each in node.inputs if node else ():
                if each not in seen and each not in self.constants:
                    seen[each] = None
                    pending.append(each)
        return tuple(v.name for v in seen if v not in producer)

    def value(self, hint: str, type: TensorType) -> Value:
        """A new value with a name of its own."""
        value = Value(self._fresh_name(hint), type)
        self.made.append(value)
        return value

    def _fresh_name(self, hint: str) -> str:
        name = hint
        while name in self._names:
            self._numbers[hint] = self._numbers.get(hint, 0) + 1
            name = f"{hint}.{self._numbers[hint]}"
        self._names.add(name)
        return name

    def rename(self, since: int, new: dict[Value, str]) -> dict[Value, Value]:
        """Give values defined by the nodes from index `since` on, or constants, other names."""
        for value in new:
            self._names.discard(value.name)
        renamed = {v: self.value(name, v.type) for v, name in new.items()}
        for old, value in renamed.items():
            if old in self.constants:
                self.constants[value] = self.constants.pop(old)
        for index in range(since, len(self.nodes)):
            node = self.nodes[index]
            self.nodes[index] = replace(
                node,
                inputs=tuple(renamed.get(v, v) for v in node.inputs),
                outputs=tuple(renamed.get(v, v) for v in node.outputs),
            )
        return renamed

    def graph(
        self,
        name: str,
        inputs: tuple[Value, ...],
        outputs: tuple[Value, ...],
        output_names: tuple[str, ...],
    ) -> Graph:
        """What was built, without the constants that nothing reads."""
        graph = Graph(name, inputs, tuple(self.nodes), outputs, self.constants, output_names)
        return graph.with_nodes(self.nodes)


def _folds(op: Op, types: tuple[TensorType, ...]) -> bool:
    if isinstance(op, Quantize | Dequantize):
        return False  # the integers and their scales are what a quantized model is
    if isinstance(op, OnnxOp) and op.op_type in RANDOM:
        return False
    return all(t.elements <= (FOLD_ELEMENTS if t.dtype.is_float else FOLD_INTEGERS) for t in types)


def _evaluate(op: Op, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    try:
        return op.evaluate(*arrays)
    except (IndexError, ValueError) as error:
        _fail(op, error)


def _fail(op: Op, error: Exception) -> NoReturn:
    raise TypeRuleError(op.name, f"its constant inputs have no result: {error}") from error
