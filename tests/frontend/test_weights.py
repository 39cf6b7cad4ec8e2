"""Weights reach the graph from wherever a model keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from graphopt.frontend import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType

from .onnx_runs import model

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("value", numpy_helper.from_array(X, "t"), X),
        ("value_float", 1.5, np.float32(1.5)),
        ("value_floats", [1.5, 2.5], np.array([1.5, 2.5], np.float32)),
        ("value_int", 7, np.int64(7)),
        ("value_ints", [7, 8], np.array([7, 8])),
    ],
)
def test_constant_nodes(attribute: str, value: Any, expected: Array) -> None:
    node = helper.make_node("Constant", [], ["y"], **{attribute: value})
    (found,) = evaluate(load_onnx(model([node], {}, 17)), {}).values()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [("value_string", "a", "a"), ("value_strings", ["a", "b"], ["a", "b"])],
)
def test_constant_strings(attribute: str, value: Any, expected: object) -> None:
    node = helper.make_node("Constant", [], ["y"], **{attribute: value})
    (found,) = evaluate(load_onnx(model([node], {}, 17)), {}).values()
    assert found.tolist() == expected


@pytest.mark.parametrize("indices", [[1, 5], [[0, 1], [1, 2]]])
def test_sparse_tensors(indices: list[int]) -> None:
    values = numpy_helper.from_array(np.array([3.0, 4.0], np.float32), "w")
    where = numpy_helper.from_array(np.array(indices), "i")
    sparse = helper.make_sparse_tensor(values, where, [2, 3])
    dense = np.array([[0, 3, 0], [0, 0, 4]], np.float32)
    node = helper.make_node("Constant", [], ["y"], sparse_value=sparse)
    (found,) = evaluate(load_onnx(model([node], {}, 17)), {}).values()
    np.testing.assert_array_equal(found, dense)
    proto = model([helper.make_node("Add", ["x", "w"], ["y"])], {"x": X}, 17)
    proto.graph.sparse_initializer.append(sparse)
    np.testing.assert_array_equal(evaluate(load_onnx(proto), {"x": X})["y"], X + dense)


def test_initializers_that_are_inputs_too() -> None:
    proto = model([helper.make_node("Add", ["x", "w"], ["y"])], {"x": X, "w": X}, 8)
    proto.graph.initializer.append(numpy_helper.from_array(2 * X, "w"))
    proto.ir_version = 3
    graph = load_onnx(proto)
    assert [value.name for value in graph.inputs] == ["x"]
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], 3 * X)


def test_external_data(tmp_path: Path) -> None:
    node = helper.make_node("Add", ["x", "w"], ["y"])
    proto = model([node], {"x": X, "w": X}, 17, known=["w"])
    (tmp_path / "deep").mkdir()
    path = tmp_path / "m.onnx"
    save_model(
        proto, str(path), save_as_external_data=True, size_threshold=0, location="weights.bin"
    )
    assert (tmp_path / "weights.bin").exists()
    np.testing.assert_array_equal(evaluate(load_onnx(path), {"x": X})["y"], 2 * X)
    np.testing.assert_array_equal(evaluate(load_onnx(str(path)), {"x": X})["y"], 2 * X)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [
        (TensorProto.BFLOAT16, DType.BF16),
        (TensorProto.FLOAT16, DType.F16),
        (TensorProto.FLOAT8E4M3FN, DType.F8E4M3FN),
        (TensorProto.FLOAT8E5M2, DType.F8E5M2),
        (TensorProto.INT4, DType.I4),
        (TensorProto.UINT4, DType.U4),
    ],
)
def test_narrow_types(code: int, dtype: DType) -> None:
    tensor = helper.make_tensor("w", code, [3], [1, 2, 3])
    node = helper.make_node("Constant", [], ["y"], value=tensor)
    graph = load_onnx(model([node], {}, 21))
    (found,) = evaluate(graph, {}).values()
    assert DType.of(found) is dtype
    assert found.astype(np.float32).tolist() == [1, 2, 3]


def test_bound_inputs_become_constants() -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    proto = model(nodes, {"x": X, "s": np.array([3, 2])}, 17)
    graph = load_onnx(proto, constants={"s": np.array([6, 1])})
    assert [value.name for value in graph.inputs] == ["x"]
    assert evaluate(graph, {"x": X})["y"].shape == (6, 1)


def test_symbols_are_bound_in_all_inputs() -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    proto = model(nodes, {"x": X, "z": X}, 17)
    for value in proto.graph.input:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    graph = load_onnx(proto, shapes={"z": (5, 3)})
    assert [value.type.shape for value in graph.inputs] == [(5, 3), (5, 3)]


def test_an_empty_batch() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": X}, 17)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    graph = load_onnx(proto, shapes={"x": (0, 3)})
    assert evaluate(graph, {"x": np.zeros((0, 3), np.float32)})["y"].shape == (0, 3)


def test_a_question_mark_is_no_symbol() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": X}, 17)
    for dim in proto.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_param = "?"
    assert load_onnx(proto, shapes={"x": (4, 5)}).inputs[0].type.shape == (4, 5)
