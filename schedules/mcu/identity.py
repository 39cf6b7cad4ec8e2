"""What the code of a kernel follows from, when it serves regions of any shape."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from graphopt.ir import Graph, Node, Value
from graphopt.schedules.region import Anchored, elements_read

Kind = Literal["number", "channel", "element"]


def kind(value: Value, shape: tuple[int, ...]) -> Kind | None:
    """How an operand is indexed by the elements of `shape`; None: in no such way.

    A number is one element, "channel" one for each index of the last dimension, and "element"
    one for each element.
    """
    dims = value.type.dims
    if value.type.elements == 1:
        return "number"
    if dims[-1] != shape[-1]:
        return None
    if value.type.elements == shape[-1]:
        return "channel"
    return "element" if dims == shape else None


def operands(region: Graph, anchor: Node | None) -> tuple[Value, ...]:
    """The inputs of a region that others than the anchor read, element by element, in order."""
    nodes = [node for node in region.nodes if node is not anchor]
    read = {value for node in nodes for value in elements_read(node)}
    return tuple(value for value in region.inputs if value in read)


def epilogue_text(where: Anchored) -> str | None:
    """`points_text` of all nodes but the anchor."""
    return points_text(where.region, where.result.type.dims, where.anchor)


def points_text(region: Graph, shape: tuple[int, ...], anchor: Node | None = None) -> str | None:
    """The nodes of a region over elements of `shape`, in words that leave out shapes.

    None: an operand is broadcast in a way that elements of any shape cannot follow.
    """
    names = {value: f"v{i}" for i, value in enumerate(region.values())}
    lines = [f"{names[v]}: {v.type.dtype}" for v in region.inputs]
    for value in operands(region, anchor):
        how = kind(value, shape)
        if how is None:
            return None
        lines.append(f"{names[value]} by {how}")
    for value, array in region.constants.items():
        if array.size != 1:
            return None
        lines.append(f"{names[value]} = {value.type.dtype} {array.item()!r}")
    for node in region.nodes:
        op = "anchor" if node is anchor else f"{node.op.name} {_attributes(node)}"
        results = ", ".join(f"{names[v]}: {v.type.dtype}" for v in node.outputs)
        lines.append(f"{results} = {op}({', '.join(names[v] for v in node.inputs)})")
    lines.append(f"return {', '.join(names[v] for v in region.outputs)}")
    return "\n".join(lines)


def _attributes(node: Node) -> str:
    return str({field.name: getattr(node.op, field.name) for field in fields(node.op)})
