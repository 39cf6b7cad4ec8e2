"""Splits a loop body into what every iteration shares and what it must do itself."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from onnx import GraphProto, ValueInfoProto

from graphopt.frontend.call import Call
from graphopt.frontend.order import ordered_nodes, reads

if TYPE_CHECKING:
    from graphopt.frontend.importer import Scope


def hoist_invariants(call: Call, body: GraphProto) -> tuple[GraphProto, Scope]:
    """Import what does not depend on the inputs of `body`, its initializers included, once.

    Returns:
        The rest of the body, and the scope in which to import it for each iteration.
    """
    names = [t.name for t in body.initializer]
    names += [t.values.name for t in body.sparse_initializer]
    given = {*names, *(i.name for i in body.input)}
    varying = {i.name for i in body.input}
    shared, own = GraphProto(name=body.name), GraphProto(name=body.name)
    for node, _ in ordered_nodes(body, given, call.scope, call.where):
        if varying.isdisjoint(reads(node)):
            shared.node.append(node)
        else:
            own.node.append(node)
            varying |= set(node.output) - {""}
    shared.initializer.extend(body.initializer)
    shared.sparse_initializer.extend(body.sparse_initializer)
    names += [name for node in shared.node for name in node.output if name]
    shared.output.extend(ValueInfoProto(name=name) for name in names)
    own.input.extend(body.input)
    own.output.extend(body.output)
    values = call.importer.import_graph(shared, (), call.scope)
    return own, ChainMap(dict(zip(names, values, strict=True)), call.scope)
