"""An ONNX operator without a canonical form: its meaning is onnx's reference evaluator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True)
class OnnxOp(Op):
    """One node of an ONNX model, kept as it is.

    Attributes:
        node: the serialized NodeProto; its input and output names say which are left out ("").
        opset: the version of the operator's domain.
        results: dtype and shape of each output that is not left out, as the importer found them.
    """

    name = "onnx_op"

    op_type: str
    node: bytes
    opset: int
    results: tuple[tuple[str, tuple[int, ...]], ...]
    domain: str = ""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        from onnx import NodeProto

        found = sum(1 for name in NodeProto.FromString(self.node).input if name)
        if found != len(inputs):
            raise TypeRuleError(
                f"{self.name} {self.op_type}", f"inputs: expected {found}, found {len(inputs)}"
            )
        return tuple(TensorType(DType(dtype), shape) for dtype, shape in self.results)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        from onnx.reference import ReferenceEvaluator

        types = tuple(TensorType.of(array) for array in inputs)
        model = single_node_model(self, types)
        feed = {i.name: a for i, a in zip(model.graph.input, inputs, strict=True)}
        results = ReferenceEvaluator(model).run(None, feed)
        return tuple(
            np.asarray(array).astype(DType(dtype).numpy, copy=False).reshape(shape)
            for array, (dtype, shape) in zip(results, self.results, strict=True)
        )


@lru_cache(maxsize=256)
def single_node_model(op: OnnxOp, inputs: tuple[TensorType, ...]) -> ModelProto:
    """A model of the one node, with an input and output for each name that is not left out."""
    from onnx import NodeProto, helper

    node = NodeProto.FromString(op.node)
    given = list(dict.fromkeys(name for name in node.input if name))
    made = [name for name in node.output if name]
    graph = helper.make_graph(
        [node],
        op.op_type,
        [_value_info(name, type) for name, type in zip(given, inputs, strict=True)],
        [
            _value_info(name, TensorType(DType(dtype), shape))
            for name, (dtype, shape) in zip(made, op.results, strict=True)
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(op.domain, op.opset)])


def _value_info(name: str, type: TensorType):  # type: ignore[no-untyped-def]
    from onnx import helper

    element = helper.np_dtype_to_tensor_dtype(type.dtype.numpy)
    return helper.make_tensor_value_info(name, element, type.dims)
