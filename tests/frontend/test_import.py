"""Names, order, shape arithmetic, functions and locations of imported graphs."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, TensorProto, helper

from graphopt.errors import ModelError
from graphopt.frontend import load_onnx
from graphopt.ir import Location
from graphopt.ops import Clip, LeakyRelu, Reduce, Relu, Reshape

from .onnx_runs import check_model, model

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 8


def test_values_and_locations_keep_their_names() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Neg", ["a"], ["y"]),
    ]
    graph = load_onnx(model(nodes, {"x": X}, 17))
    assert [v.name for node in graph.nodes for v in node.outputs] == ["a", "y"]
    assert [node.location for node in graph.nodes] == [Location(("first",)), Location(("y",))]
    assert graph.output_names == ("y",)


def test_nodes_in_any_order() -> None:
    nodes = [
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["b"], ["y"]),
    ]
    found = load_onnx(model(nodes, {"x": X}, 17))
    assert [node.op.name for node in found.nodes] == ["relu", "neg", "identity"]


def test_shape_arithmetic_leaves_no_trace() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "i"], ["rows"], axis=0),
        helper.make_node("Unsqueeze", ["rows", "zero"], ["rows1"]),
        helper.make_node("Concat", ["rows1", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    known = {"i": np.array(0), "zero": np.array([0]), "rest": np.array([-1])}
    graph = check_model(model(nodes, {"x": X, **known}, 17, list(known)), {"x": X})
    assert [node.op for node in graph.nodes] == [Reshape((2, 12))]
    assert not graph.constants


def test_a_known_condition_takes_its_branch() -> None:
    def branch(op_type: str) -> object:
        node = helper.make_node(op_type, ["x"], ["r"])
        return helper.make_graph([node], op_type, [], [helper.make_empty_tensor_value_info("r")])

    nodes = [
        helper.make_node("Size", ["x"], ["n"]),
        helper.make_node("Greater", ["n", "ten"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg")),
    ]
    graph = check_model(model(nodes, {"x": X, "ten": np.array(10)}, 17, ["ten"]), {"x": X})
    assert [node.op for node in graph.nodes] == [Relu()]


def reference(name: str, to: str, kind: AttributeProto.AttributeType) -> AttributeProto:
    return AttributeProto(name=name, ref_attr_name=to, type=kind)


def with_functions(call: NodeProto, *functions: FunctionProto) -> ModelProto:
    proto = model([call], {"x": X}, 17)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    proto.functions.extend(functions)
    return proto


def test_functions_of_the_model_are_expanded() -> None:
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(reference("alpha", "slope", AttributeProto.FLOAT))
    target = helper.make_node("Constant", [], ["k"])
    target.attribute.append(reference("value_ints", "dims", AttributeProto.INTS))
    fold = helper.make_node("Reshape", ["b", "k"], ["c"])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    slope = [helper.make_attribute("slope", 0.25)]
    inner = helper.make_function(
        "own", "Inner", ["a"], ["c"], [target, leaky, fold], opsets, ["dims"], slope
    )
    calls = [
        helper.make_node("Inner", ["a"], ["t"], domain="own", dims=[6, 4]),
        helper.make_node("Inner", ["t"], ["c"], domain="own", dims=[24], slope=0.5),
    ]
    outer = helper.make_function("own", "Outer", ["a"], ["c"], calls, opsets)
    node = helper.make_node("Outer", ["x"], ["y"], domain="own", name="call")
    expected = np.where(X >= 0, X, 0.125 * X).reshape(24)
    graph = check_model(with_functions(node, inner, outer), {"x": X}, [expected])
    assert [each.op for each in graph.nodes] == [
        LeakyRelu(0.25),
        Reshape((6, 4)),
        LeakyRelu(0.5),
        Reshape((24,)),
    ]
    assert graph.nodes[0].location.names == ("call", "t", "b")


def test_a_function_has_its_own_operator_set() -> None:
    body = [helper.make_node("ReduceSum", ["a"], ["b"], axes=[1])]
    function = helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("", 11)])
    node = helper.make_node("F", ["x"], ["y"], domain="own")
    (reduce,) = load_onnx(with_functions(node, function)).nodes
    assert reduce.op == Reduce("sum", (1,), True)


def test_a_function_may_be_called_without_its_last_inputs() -> None:
    body = [helper.make_node("Clip", ["a", "low", "high"], ["b"])]
    opset = helper.make_opsetid("", 17)
    function = helper.make_function("own", "F", ["a", "low", "high"], ["b"], body, [opset])
    node = helper.make_node("F", ["x"], ["y"], domain="own")
    (clip,) = load_onnx(with_functions(node, function)).nodes
    assert clip.op == Clip()


def test_a_function_that_calls_itself() -> None:
    body = [helper.make_node("F", ["a"], ["b"], domain="own", name="again")]
    function = helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("own", 1)])
    node = helper.make_node("F", ["x"], ["y"], domain="own")
    with pytest.raises(ModelError, match="'again'.*own:F calls itself"):
        load_onnx(with_functions(node, function))


def test_functions_of_onnx_are_expanded() -> None:
    node = helper.make_node("MeanVarianceNormalization", ["x"], ["y"], axes=[0, 2])
    graph = check_model(model([node], {"x": X}, 17), {"x": X})
    assert all(each.op.name != "onnx_op" for each in graph.nodes)


def test_outputs_may_be_inputs_constants_or_repeated() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": X, "w": X}, 17, ["w"])
    for name in ("x", "w", "y"):
        proto.graph.output.add(name=name).type.tensor_type.elem_type = TensorProto.FLOAT
    proto.graph.output[-1].name = "y"
    graph = load_onnx(proto)
    assert graph.output_names == ("y", "x", "w", "y")
    assert graph.outputs[0] is graph.outputs[3]
