"""Collects the nodes and initializers of an ONNX model under construction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from onnx import NodeProto, ValueInfoProto, helper

from graphopt.ir import Array, Graph, Node, TensorType, Value


class Emitter:
    """Names every value once and collects ONNX nodes.

    Attributes:
        names: the ONNX name of each value.
        location: the source of the nodes being added.
    """

    def __init__(self, graph: Graph) -> None:
        self.names: dict[Value, str] = {}
        self.constants: dict[Value, Array] = {}
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, Array] = {}
        self.location = ""
        self._taken: set[str] = set()
        self._node_names: Counter[str] = Counter()
        for value in graph.inputs:
            self._define(value, value.name)
        self._taken.update(graph.output_names)
        computed = {v for node in graph.nodes for v in node.outputs}
        for value, name in zip(graph.outputs, graph.output_names, strict=True):
            # Region outputs and values returned twice get an Identity instead.
            if value in computed and value not in self.names:
                self.names[value] = name

    def name(self, value: Value) -> str:
        """The ONNX name of a value; a constant becomes an initializer."""
        if value not in self.names:
            self._define(value, value.name)
            if value in self.constants:
                self.initializers[self.names[value]] = self.constants[value]
        return self.names[value]

    def alias(self, value: Value, other: Value) -> None:
        """`value` is the same tensor as `other`."""
        name = self.name(other)
        if value in self.names:
            self.node("Identity", [name], outputs=[self.names[value]])
        else:
            self.names[value] = name

    def node(
        self,
        op_type: str,
        inputs: Sequence[str],
        outputs: Sequence[str] = (),
        **attributes: Any,
    ) -> str:
        """Add a node; returns the name of its first output, a new one unless given."""
        outputs = outputs or [self.fresh(op_type.lower())]
        self.nodes.append(
            helper.make_node(op_type, inputs, outputs, name=self.node_name(), **attributes)
        )
        return outputs[0]

    def node_name(self) -> str:
        """A name for the next node, after its source; ONNX Runtime wants it unique."""
        self._node_names[self.location] += 1
        count = self._node_names[self.location]
        return self.location if count == 1 else f"{self.location}#{count}"

    def apply(self, node: Node, op_type: str, *extra: str, **attributes: Any) -> None:
        """Export `node` as one ONNX node with the same inputs, then `extra`, and outputs."""
        inputs = [self.name(v) for v in node.inputs]
        self.node(op_type, [*inputs, *extra], [self.name(v) for v in node.outputs], **attributes)

    def constant(self, array: Array) -> str:
        """An initializer."""
        name = self.fresh("constant")
        self.initializers[name] = array
        return name

    def ints(self, values: Sequence[int]) -> str:
        """An initializer of i64 numbers."""
        return self.constant(np.asarray(values, np.int64))

    def scalar(self, number: float, type: TensorType) -> str:
        """A rank-0 initializer of the element type of `type`."""
        return self.constant(np.asarray(number).astype(type.dtype.numpy))

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet."""
        name, number = hint, 0
        while name in self._taken:
            number += 1
            name = f"{hint}.{number}"
        self._taken.add(name)
        return name

    def value_info(self, value: Value, name: str) -> ValueInfoProto:
        """The declaration of a graph input or output."""
        code = helper.np_dtype_to_tensor_dtype(value.type.dtype.numpy)
        return helper.make_tensor_value_info(name, code, value.type.shape)

    def _define(self, value: Value, hint: str) -> None:
        self.names[value] = self.fresh(hint)


Export: TypeAlias = Callable[[Emitter, Node], None]
"""Exports one node: adds nodes that define the names of its outputs."""
