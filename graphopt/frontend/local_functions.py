"""Functions that a model brings along: their bodies take the place of the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto

from graphopt.errors import ModelError

Key = tuple[str, str, str]  # domain, name, overload


def local_functions(model: ModelProto, where: str) -> dict[Key, FunctionProto]:
    """The functions of a model by what calls them.

    Raises:
        ModelError: two have the same name.
    """
    functions: dict[Key, FunctionProto] = {}
    for function in model.functions:
        key = (function.domain, function.name, function.overload)
        if key in functions:
            raise ModelError(where, f"function {function.domain}:{function.name} is defined twice")
        functions[key] = function
    return functions


def function_key(node: NodeProto) -> Key:
    """What a node calls, if it calls a function."""
    return (node.domain, node.op_type, node.overload)


def function_body(function: FunctionProto, node: NodeProto) -> GraphProto:
    """The body for one call: attributes are bound, inputs that the call leaves out are empty.

    The graph's inputs are those that the call gives.
    """
    given = dict(zip(function.input, node.input, strict=False))
    absent = {name for name in function.input if not given.get(name)}
    values = {a.name: a for a in function.attribute_proto} | {a.name: a for a in node.attribute}
    body = GraphProto(name=function.name)
    body.node.extend(_bound(each, values, absent) for each in function.node)
    for name in function.input:
        if name not in absent:
            body.input.add(name=name)
    for name in function.output:
        body.output.add(name=name)
    return body


def _bound(node: NodeProto, values: Mapping[str, AttributeProto], absent: set[str]) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = ["" if name in absent else name for name in node.input]
    del copy.attribute[:]
    copy.attribute.extend(_attributes(node.attribute, values, absent))
    return copy


def _attributes(
    attributes: Iterable[AttributeProto], values: Mapping[str, AttributeProto], absent: set[str]
) -> Iterable[AttributeProto]:
    for attribute in attributes:
        copy = AttributeProto()
        if not attribute.ref_attr_name:
            copy.CopyFrom(attribute)
            for graph in (copy.g, *copy.graphs):
                for i, inner in enumerate(list(graph.node)):
                    graph.node[i].CopyFrom(_bound(inner, values, absent))
            yield copy
        elif attribute.ref_attr_name in values:
            copy.CopyFrom(values[attribute.ref_attr_name])
            copy.name = attribute.name
            yield copy
