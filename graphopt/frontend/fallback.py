"""Operators without an importer: expanded as ONNX defines them, or kept as an `OnnxOp`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import (
    FunctionProto,
    ModelProto,
    NodeProto,
    TypeProto,
    ValueInfoProto,
    defs,
    helper,
    inliner,
    numpy_helper,
)
from onnx.shape_inference import InferenceError, infer_shapes

from graphopt.errors import TypeRuleError
from graphopt.frontend.builder import Operand
from graphopt.frontend.call import Call
from graphopt.frontend.weights import element_type
from graphopt.ir import Array, TensorType
from graphopt.ops import OnnxOp

SHAPE_LIKE = 4096  # elements of a constant input that type inference may want to see


def import_other(call: Call) -> tuple[Operand, ...]:
    """Import a node whose operator has no importer of its own.

    Raises:
        UnsupportedOperator: onnx does not know the operator, or not the type of its results.
    """
    name, domain = call.node.op_type, call.node.domain
    if not defs.has(name, call.opset, domain):
        raise call.unsupported(
            f"operator: expected one of ONNX, found {domain or 'ai.onnx'}:{name} "
            f"in version {call.opset}",
            "replace it by standard operators when exporting the model",
        )
    schema = defs.get_schema(name, call.opset, domain)
    expanded = _expanded(call, schema)
    return keep(call) if expanded is None else expanded


def _expanded(call: Call, schema: defs.OpSchema) -> tuple[Operand, ...] | None:
    """The results of the operator's function body; None when it has none."""
    model = _single_node_model(call)
    node = model.graph.node[0]
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in schema.attributes.items():  # the inliner leaves unset ones undefined
        if name not in given and attribute.default_value.name:
            node.attribute.append(attribute.default_value)
    try:
        inlined = _inline(model, schema)
    except (RuntimeError, ValueError):
        return None
    if any(n.op_type == node.op_type and n.domain == node.domain for n in inlined.graph.node):
        return None
    inlined.graph.ClearField("initializer")
    inputs = [operand for operand in call.inputs if operand is not None]
    results = iter(call.importer.import_graph(inlined.graph, inputs, {}))
    return tuple(next(results) if name else call.constant(0) for name in call.node.output)


def _inline(model: ModelProto, schema: Any) -> ModelProto:
    """The model of one node with the node replaced by the operator's function body, if any.

    `schema` is an OpSchema, whose type stub lacks what is needed here.
    """
    node = model.graph.node[0]
    versions = [
        version
        for version in schema.context_dependent_function_opset_versions
        if version <= model.opset_import[0].version
    ]
    if all(node.input) or not versions:
        return inliner.inline_selected_functions(
            model, [(node.domain, node.op_type)], inline_schema_functions=True
        )
    # The inliner asks for the types of inputs that are left out, so the body is made first.
    types = {i.name: i.type.SerializeToString() for i in model.graph.input}
    body = FunctionProto.FromString(
        schema.get_context_dependent_function_with_opset_version(
            max(versions), node.SerializeToString(), [types.get(n, b"") for n in node.input]
        )
    )
    body.domain, body.name = "graphopt.expanded", node.op_type
    node.domain = body.domain
    model.opset_import.append(helper.make_opsetid(body.domain, 1))
    model.functions.append(body)
    return inliner.inline_local_functions(model)


def keep(call: Call) -> tuple[Operand, ...]:
    """Keep the node as an `OnnxOp`, its result types found by onnx.

    Raises:
        NotConstant: the shape of a result depends on an input that is computed at run time.
        TypeRuleError: onnx finds an error in the node.
    """
    model = _single_node_model(call)
    try:
        inferred = infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except InferenceError as error:
        raise TypeRuleError(call.node.op_type, _first_line(error)) from error
    node = model.graph.node[0]
    results: Mapping[str, TensorType | None] = {
        o.name: _static_type(o.type, call.where) for o in inferred.graph.output
    }
    if any(type is None for type in results.values()):
        results = _computed_types(call, model, tuple(results))
    op = OnnxOp(
        op_type=node.op_type,
        node=node.SerializeToString(deterministic=True),
        opset=call.opset,
        results=tuple((type.dtype.value, type.dims) for type in results.values() if type),
        domain=node.domain,
    )
    values = iter(call.emit_node(op, *(v for v in call.tensors_given())))
    return tuple(next(values) if name else call.constant(0) for name in node.output)


def _computed_types(
    call: Call, model: ModelProto, names: tuple[str, ...]
) -> Mapping[str, TensorType | None]:
    """Result types found by running the node, when all its inputs are known."""
    from onnx.reference import ReferenceEvaluator

    feed: dict[str, Array] = {}
    for info, value in zip(model.graph.input, call.tensors_given(), strict=True):
        array = call.builder.array(value)
        if array is None:
            raise call.not_constant(value, "the input that decides the result's shape")
        feed[info.name] = array
    try:
        results = ReferenceEvaluator(model).run(list(names), feed)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        raise call.unsupported(f"onnx cannot evaluate it: {_first_line(error)}") from error
    return {n: TensorType.of(np.asarray(r)) for n, r in zip(names, results, strict=True)}


def _single_node_model(call: Call) -> ModelProto:
    """A model of the node alone, with inputs x0, x1, ... and outputs y0, y1, ..."""
    node = NodeProto()
    node.CopyFrom(call.node)
    node.ClearField("name")
    node.ClearField("doc_string")
    del node.input[:], node.output[:]
    inputs: list[ValueInfoProto] = []
    initializers = []
    for index, operand in enumerate(call.inputs):
        if operand is None:
            node.input.append("")
            continue
        value = call.input(index)
        name = f"x{index}"
        node.input.append(name)
        code = helper.np_dtype_to_tensor_dtype(value.type.dtype.numpy)
        inputs.append(helper.make_tensor_value_info(name, code, value.type.dims))
        array = call.builder.array(value)
        if array is not None and array.size <= SHAPE_LIKE:
            initializers.append(numpy_helper.from_array(array, name))
    node.output.extend(f"y{i}" if name else "" for i, name in enumerate(call.node.output))
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs, initializers)
    opset = helper.make_opsetid(node.domain, call.opset)
    return helper.make_model(graph, opset_imports=[opset])


def _static_type(type: TypeProto, where: str) -> TensorType | None:
    tensor = type.tensor_type
    if type.WhichOneof("value") != "tensor_type" or not tensor.HasField("shape"):
        return None
    if any(d.WhichOneof("value") != "dim_value" for d in tensor.shape.dim):
        return None
    shape = tuple(int(d.dim_value) for d in tensor.shape.dim)
    return TensorType(element_type(tensor.elem_type, where), shape)


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
