"""Models that break the rules: each gives one clear line and a typed error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper, save_model

from graphopt.errors import (
    GraphoptError,
    ModelError,
    NotConstant,
    ShapeBindingError,
    TypeRuleError,
    UnsupportedOperator,
)
from graphopt.frontend import load_onnx

FLOAT = TensorProto.FLOAT


def tensor(name: str, *shape: int | str | None, dtype: int = FLOAT):  # type: ignore[no-untyped-def]
    return helper.make_tensor_value_info(name, dtype, shape)


def model(graph: GraphProto, opset: int = 18) -> ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def chain(*nodes, inputs=None, outputs=None, initializers=()) -> ModelProto:  # type: ignore[no-untyped-def]
    graph = helper.make_graph(
        list(nodes),
        "g",
        inputs or [tensor("x", 2, 3)],
        outputs or [tensor("y", None)],
        list(initializers),
    )
    return model(graph)


def failure(given: ModelProto | bytes | Path, **options: object) -> GraphoptError:
    with pytest.raises(GraphoptError) as caught:
        load_onnx(given, **options)  # type: ignore[arg-type]
    lines = str(caught.value).splitlines()
    assert 1 <= len(lines) <= 2 and all(lines)
    return caught.value


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    error = failure(tmp_path / "none.onnx")
    assert isinstance(error, ModelError) and "none.onnx" in str(error)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    assert isinstance(failure(tmp_path), ModelError)


@pytest.mark.parametrize("content", [b"", b"hello, world", b"\x89PNG\r\n\x1a\n" * 9, b"\0" * 64])
def test_a_file_that_is_not_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    error = failure(path)
    assert isinstance(error, ModelError) and "m.onnx" in str(error)


def test_every_truncation_of_a_model_is_refused() -> None:
    weights = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    whole = chain(helper.make_node("MatMul", ["x", "w"], ["y"]), initializers=[weights])
    content = whole.SerializeToString()
    for size in range(0, len(content), 7):
        failure(content[:size])


def test_a_cycle() -> None:
    error = failure(
        chain(
            helper.make_node("Add", ["x", "b"], ["a"], name="first"),
            helper.make_node("Relu", ["a"], ["b"], name="second"),
            helper.make_node("Relu", ["b"], ["y"]),
        )
    )
    assert isinstance(error, ModelError)
    assert "cycle" in str(error) and "'first'" in str(error) and "'second'" in str(error)


def test_an_undefined_input() -> None:
    error = failure(chain(helper.make_node("Add", ["x", "nowhere"], ["y"], name="sum")))
    assert isinstance(error, ModelError) and "'sum'" in str(error) and "'nowhere'" in str(error)


def test_an_undefined_output() -> None:
    error = failure(chain(helper.make_node("Relu", ["x"], ["z"])))
    assert isinstance(error, ModelError) and "'y'" in str(error)


def test_a_name_defined_twice() -> None:
    error = failure(
        chain(
            helper.make_node("Relu", ["x"], ["y"], name="one"),
            helper.make_node("Neg", ["x"], ["y"], name="two"),
        )
    )
    assert isinstance(error, ModelError) and "'two'" in str(error) and "twice" in str(error)


def test_a_node_that_defines_an_input() -> None:
    assert isinstance(failure(chain(helper.make_node("Relu", ["x"], ["x"]))), ModelError)


def test_an_initializer_defined_twice() -> None:
    weights = numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    error = failure(
        chain(helper.make_node("Add", ["x", "w"], ["y"]), initializers=[weights, weights])
    )
    assert isinstance(error, ModelError) and "'w'" in str(error)


def test_an_input_listed_twice() -> None:
    two = [tensor("x", 2), tensor("x", 2)]
    assert isinstance(
        failure(chain(helper.make_node("Relu", ["x"], ["y"]), inputs=two)), ModelError
    )


def test_shapes_that_do_not_fit() -> None:
    weights = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    error = failure(chain(node, initializers=[weights]))
    assert isinstance(error, TypeRuleError) and "'product'" in str(error)


def test_types_that_do_not_fit() -> None:
    weights = numpy_helper.from_array(np.ones((2, 3), np.int64), "w")
    node = helper.make_node("Add", ["x", "w"], ["y"], name="sum")
    error = failure(chain(node, initializers=[weights]))
    assert isinstance(error, TypeRuleError) and "'sum'" in str(error)


def test_a_missing_input() -> None:
    error = failure(chain(helper.make_node("Add", ["x"], ["y"], name="sum")))
    assert "'sum'" in str(error)


def test_a_missing_attribute() -> None:
    error = failure(chain(helper.make_node("Concat", ["x", "x"], ["y"], name="cat", axis=9)))
    assert isinstance(error, ModelError) and "'cat'" in str(error)
    error = failure(chain(helper.make_node("MaxPool", ["x"], ["y"], name="pool")))
    assert isinstance(error, ModelError) and "kernel_shape" in str(error)


def test_an_attribute_of_the_wrong_kind() -> None:
    error = failure(chain(helper.make_node("Softmax", ["x"], ["y"], name="soft", axis="one")))
    assert isinstance(error, ModelError) and "axis" in str(error) and "'soft'" in str(error)


def test_an_operator_nobody_knows() -> None:
    error = failure(chain(helper.make_node("Frobnicate", ["x"], ["y"], name="magic")))
    assert isinstance(error, UnsupportedOperator)
    assert "'magic'" in str(error) and "Frobnicate" in str(error)


def test_an_operator_of_a_domain_nobody_knows() -> None:
    node = helper.make_node("Thing", ["x"], ["y"], name="own", domain="com.example")
    error = failure(chain(node))
    assert isinstance(error, ModelError) and "com.example" in str(error)
    graph = chain(node)
    graph.opset_import.append(helper.make_opsetid("com.example", 1))
    assert isinstance(failure(graph), UnsupportedOperator)


@pytest.mark.parametrize("opset", [1, 6, 999])
def test_an_opset_out_of_range(opset: int) -> None:
    graph = chain(helper.make_node("Relu", ["x"], ["y"]))
    graph.opset_import[0].version = opset
    error = failure(graph)
    assert isinstance(error, ModelError) and str(opset) in str(error)


def test_an_unbound_symbol() -> None:
    graph = chain(helper.make_node("Relu", ["x"], ["y"]), inputs=[tensor("x", "batch", 3)])
    error = failure(graph)
    assert isinstance(error, ShapeBindingError)
    assert "'x'" in str(error) and "'batch'" in str(error) and "--shape x=1x3" in str(error)


@pytest.mark.parametrize("shape", [(2, 4), (2,), (2, 3, 1), (-1, 3)])
def test_a_shape_that_does_not_fit_the_input(shape: tuple[int, ...]) -> None:
    graph = chain(helper.make_node("Relu", ["x"], ["y"]), inputs=[tensor("x", "batch", 3)])
    assert isinstance(failure(graph, shapes={"x": shape}), ShapeBindingError)


def test_a_shape_for_no_input() -> None:
    error = failure(chain(helper.make_node("Relu", ["x"], ["y"])), shapes={"z": (1,)})
    assert isinstance(error, ShapeBindingError) and "'z'" in str(error)


def test_a_symbol_bound_twice() -> None:
    graph = chain(
        helper.make_node("Add", ["x", "z"], ["y"]), inputs=[tensor("x", "n"), tensor("z", "n")]
    )
    error = failure(graph, shapes={"x": (2,), "z": (3,)})
    assert isinstance(error, ShapeBindingError) and "(n)" in str(error)


def test_a_shape_that_is_computed() -> None:
    graph = chain(
        helper.make_node("Neg", ["s"], ["t"]),
        helper.make_node("Reshape", ["x", "t"], ["y"], name="fold"),
        inputs=[tensor("x", 2, 3), tensor("s", 1, dtype=TensorProto.INT64)],
    )
    error = failure(graph)
    assert isinstance(error, NotConstant) and error.inputs == ("s",)
    assert "'fold'" in str(error) and "bind s" in str(error)


def test_a_bound_constant_that_does_not_fit() -> None:
    graph = chain(helper.make_node("Relu", ["x"], ["y"]))
    assert isinstance(failure(graph, constants={"x": np.zeros((2, 3))}), ModelError)
    assert isinstance(failure(graph, constants={"q": np.zeros((2, 3))}), GraphoptError)


def test_a_tensor_of_the_wrong_size() -> None:
    weights = numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    weights.dims[:] = [2, 4]
    error = failure(chain(helper.make_node("Add", ["x", "w"], ["y"]), initializers=[weights]))
    assert isinstance(error, ModelError) and "'w'" in str(error)


def external(tmp_path: Path, location: str, offset: int = 0, length: int = 24) -> GraphoptError:
    weights = TensorProto(name="w", data_type=FLOAT, dims=[2, 3])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        weights.external_data.add(key=key, value=str(value))
    graph = chain(helper.make_node("Add", ["x", "w"], ["y"]), initializers=[weights])
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    (folder / "m.onnx").write_bytes(graph.SerializeToString())
    (folder / "short.bin").write_bytes(b"\0" * 20)
    (tmp_path / "outside.bin").write_bytes(b"\0" * 24)
    error = failure(folder / "m.onnx")
    assert isinstance(error, ModelError) and "'w'" in str(error)
    return error


def test_external_data_outside_the_folder(tmp_path: Path) -> None:
    absolute = str(tmp_path / "outside.bin")
    for location in ("../outside.bin", absolute, "sub/../../outside.bin", "", ".", ".."):
        assert "inside the model's folder" in str(external(tmp_path, location))


def test_external_data_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "link.bin").symlink_to(tmp_path / "outside.bin")
    assert "inside the model's folder" in str(external(tmp_path, "link.bin"))


def test_external_data_that_are_missing_or_short(tmp_path: Path) -> None:
    assert "found none" in str(external(tmp_path, "nothing.bin"))
    assert "found a file of 20" in str(external(tmp_path, "short.bin"))
    assert "found a file of 20" in str(external(tmp_path, "short.bin", offset=4, length=24))
    assert "found a file of 20" in str(external(tmp_path, "short.bin", offset=-4))
    assert "expected 24 bytes" in str(external(tmp_path, "short.bin", length=20))


def test_external_data_of_a_model_without_a_folder(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    graph = chain(
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        inputs=[tensor("x", 2, 64)],
        initializers=[weights],
    )
    path = tmp_path / "m.onnx"
    save_model(graph, str(path), save_as_external_data=True, size_threshold=0, location="w.bin")
    load_onnx(path)
    error = failure(path.read_bytes())
    assert isinstance(error, ModelError) and "'w'" in str(error)


def test_names_that_are_not_text() -> None:
    content = chain(helper.make_node("Relu", ["x"], ["y"], name="relu")).SerializeToString()
    error = failure(content.replace(b"relu", b"re\xff\xfe"))
    assert isinstance(error, ModelError) and "names" in str(error)


def test_numbers_that_make_no_sense() -> None:
    error = failure(chain(helper.make_node("Split", ["x"], ["y"], name="part", num_outputs=0)))
    assert isinstance(error, ModelError) and "'part'" in str(error)
