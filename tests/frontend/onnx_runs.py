"""Small ONNX models, and what onnx's own reference evaluator or ONNX Runtime makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from graphopt.frontend import export_onnx, load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.testing import assert_close
from graphopt.verify import verify


def one_node(
    op_type: str,
    inputs: Sequence[Array | None],
    opset: int,
    outputs: int = 1,
    known: Sequence[int] = (),
    **attributes: Any,
) -> ModelProto:
    """A model of one node with outputs y0, y1, ...; the inputs at `known` are initializers."""
    names = ["" if array is None else f"x{i}" for i, array in enumerate(inputs)]
    node = helper.make_node(op_type, names, [f"y{i}" for i in range(outputs)], **attributes)
    given = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    return model([node], given, opset, [f"x{i}" for i in known])


def model(
    nodes: Sequence[NodeProto], inputs: Mapping[str, Array], opset: int, known: Sequence[str] = ()
) -> ModelProto:
    """A model whose outputs are those of the last node."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in inputs.items()
            if name not in known
        ],
        [helper.make_empty_tensor_value_info(name) for name in nodes[-1].output if name],
        [numpy_helper.from_array(inputs[name], name) for name in known],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 10
    return made


def check_node(
    op_type: str,
    inputs: Sequence[Array | None],
    opset: int,
    expected: Sequence[Array] | None = None,
    outputs: int = 1,
    known: Sequence[int] = (),
    **attributes: Any,
) -> Graph:
    """Import one node; the interpreter, before and after an export, gives what onnx gives.

    Args:
        expected: the results, where onnx's evaluator does not know so old a version.
    """
    proto = one_node(op_type, inputs, opset, outputs, known, **attributes)
    names = [f"x{i}" for i, array in enumerate(inputs) if array is not None and i not in known]
    feeds = {f"x{i}": np.asarray(a) for i, a in enumerate(inputs) if f"x{i}" in names}
    return check_model(proto, feeds, expected)


def check_model(
    proto: ModelProto, feeds: Mapping[str, Array], expected: Sequence[Array] | None = None
) -> Graph:
    """Import a model; the interpreter, before and after an export, gives what onnx gives."""
    if expected is None:
        results = ReferenceEvaluator(proto).run(None, dict(feeds))
        assert isinstance(results, list)
        expected = results
    graph = load_onnx(proto)
    verify(graph)
    again = load_onnx(export_onnx(graph))
    for each in (graph, again):
        found = evaluate(each, feeds)
        for (name, array), want in zip(found.items(), expected, strict=True):
            assert_close(array, np.asarray(want), name)
    return graph
