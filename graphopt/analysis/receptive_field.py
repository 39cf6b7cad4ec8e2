"""Receptive fields: which rectangle of its inputs a rectangle of a node's outputs depends on.

Spatial values have the type [1, rows, columns, channels]. What is said of operators holds for the
chains and branches that they are part of: `Fused` nodes compose what their bodies say, and
`receptive_field` follows a graph. Halos are clipped to the true map at each step; that is what
makes the published overheads of patches come out (MCUNetV2, arXiv 2110.15352).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce

from graphopt.analysis.axis_maps import (
    AxisMap,
    ChainMap,
    FixedMap,
    HullMap,
    Span,
    SpanMap,
    chained,
    joined,
)
from graphopt.analysis.operator_reach import operator_reach
from graphopt.analysis.spatial import (
    WHOLE,
    NotSpatial,
    Reach,
    Rectangle,
    Whole,
    map_size,
    named,
    outputs_obstacle,
)
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Fused

__all__ = [
    "WHOLE",
    "AxisMap",
    "ChainMap",
    "FixedMap",
    "HullMap",
    "NotSpatial",
    "Reach",
    "Rectangle",
    "Span",
    "SpanMap",
    "Whole",
    "fields",
    "hull",
    "receptive_field",
    "spatial_reach",
    "whole_map",
]


# A search asks for the same nodes over and over; they are immutable.
@lru_cache(maxsize=4096)
def spatial_reach(node: Node) -> tuple[Reach | Whole, ...] | NotSpatial:
    """How a rectangle of the outputs depends on each input of `node`, a plain or a `Fused` one.

    Constants are inputs like others: one that varies over the map has a `Reach`. An input that
    does not, but is computed, is `WHOLE` too: the scale of squeeze-and-excite.
    """
    if not isinstance(node.op, Fused):
        return operator_reach(node)
    obstacle = outputs_obstacle(node)
    if obstacle:
        return NotSpatial(obstacle)
    body = node.op.body
    rows, columns = map_size(body.outputs[0])
    identity = Reach(AxisMap.identity(rows), AxisMap.identity(columns))
    reaches: dict[Value, Reach | Whole] = dict.fromkeys(body.outputs, identity)
    for inner in reversed(body.nodes):
        asked = [reaches[value] for value in inner.outputs if value in reaches]
        if not asked:
            continue
        inputs = _chained_inputs(inner, reduce(_joined, asked))
        if isinstance(inputs, NotSpatial):
            return inputs
        for value, reach in zip(inner.inputs, inputs, strict=True):
            known = reaches.get(value, reach)
            if isinstance(known, Whole) != isinstance(reach, Whole):
                return NotSpatial(f"needs the whole map: {named(inner)}")
            reaches[value] = _joined(known, reach)
    return tuple(reaches.get(value, WHOLE) for value in body.inputs)


def _chained_inputs(node: Node, wanted: Reach | Whole) -> tuple[Reach | Whole, ...] | NotSpatial:
    """What the inputs of a node are to what the node's outputs are `wanted` for."""
    if isinstance(wanted, Whole):
        return (WHOLE,) * len(node.inputs)
    reaches = operator_reach(node)
    if isinstance(reaches, NotSpatial):
        return reaches
    return tuple(
        each
        if isinstance(each, Whole)
        else Reach(chained(wanted.rows, each.rows), chained(wanted.columns, each.columns))
        for each in reaches
    )


def _joined(first: Reach | Whole, second: Reach | Whole) -> Reach | Whole:
    if isinstance(first, Whole) or isinstance(second, Whole):
        return WHOLE
    return Reach(joined(first.rows, second.rows), joined(first.columns, second.columns))


def receptive_field(
    graph: Graph, output: Value, rectangle: Rectangle
) -> dict[Value, Rectangle | None] | NotSpatial:
    """What a rectangle (rows, columns) of `output` depends on, by value.

    None stands for all of a value; values that it does not depend on are left out.
    """
    return fields(graph.nodes, {output: rectangle})


def fields(
    nodes: Sequence[Node], wanted: Mapping[Value, Rectangle | None]
) -> dict[Value, Rectangle | None] | NotSpatial:
    """`receptive_field` of rectangles of several values at once.

    Args:
        nodes: in execution order.
        wanted: what of which values; None stands for all of a value.
    """
    found = dict(wanted)
    for node in reversed(nodes):
        asked = [found[value] for value in node.outputs if value in found]
        if not asked:
            continue
        pulled = _pulled(node, reduce(hull, asked))
        if isinstance(pulled, NotSpatial):
            return pulled
        for value, field in zip(node.inputs, pulled, strict=True):
            found[value] = hull(found.get(value, field), field)
    return found


def _pulled(node: Node, wanted: Rectangle | None) -> tuple[Rectangle | None, ...] | NotSpatial:
    if wanted is None:
        return (None,) * len(node.inputs)
    reaches = spatial_reach(node)
    if isinstance(reaches, NotSpatial):
        return reaches
    return tuple(None if isinstance(each, Whole) else each.pull(wanted) for each in reaches)


def hull(first: Rectangle | None, second: Rectangle | None) -> Rectangle | None:
    """The smallest rectangle that holds both; None stands for the whole map."""
    if first is None or second is None:
        return None
    return first[0].hull(second[0]), first[1].hull(second[1])


def whole_map(value: Value) -> Rectangle:
    """All rows and columns of a spatial value."""
    rows, columns = map_size(value)
    return Span(0, rows), Span(0, columns)
