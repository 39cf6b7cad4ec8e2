"""Maps, and what they have to do with each other: values of type [1, rows, columns, channels]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from graphopt.analysis.axis_maps import OperatorMap, Span, SpanMap
from graphopt.ir import Node, Op, Value
from graphopt.ops import ArgReduce, Fused, Reduce

Rectangle = tuple[Span, Span]
SPATIAL_RANK = 4
SPATIAL_AXES = (1, 2)


class Whole(Enum):
    """The type of `WHOLE`."""

    WHOLE = "whole"


# What an input is when every tile needs all of it: weights, tables, one number per channel.
WHOLE: Final = Whole.WHOLE


@dataclass(frozen=True)
class Reach:
    """What the rows and columns of an input are to those of the outputs."""

    rows: SpanMap
    columns: SpanMap

    def pull(self, rectangle: Rectangle) -> Rectangle:
        """The rectangle of the input that a rectangle of the outputs is computed from."""
        rows, columns = rectangle
        return self.rows.pull(rows), self.columns.pull(columns)


@dataclass(frozen=True)
class OperatorReach(Reach):
    """`Reach` of one operator."""

    rows: OperatorMap
    columns: OperatorMap

    def cover(self, rectangle: Rectangle) -> Rectangle:
        """The rectangle of the outputs that a tile computes to have `rectangle`."""
        rows, columns = rectangle
        return self.rows.cover(rows), self.columns.cover(columns)


@dataclass(frozen=True)
class NotSpatial:
    """Why a node has no tiles, in words for the user."""

    reason: str


def map_size(value: Value) -> tuple[int, int]:
    """Rows and columns of a spatial value."""
    _, rows, columns, _ = value.type.dims
    return rows, columns


def outputs_obstacle(node: Node) -> str:
    """Why the outputs of `node` are no maps of one size; empty if they are."""
    lost = [value for value in node.outputs if not is_spatial(value)]
    if lost:
        # The operator that loses the map says more than the region.
        inner = node.op.body.nodes if isinstance(node.op, Fused) else (node,)
        loser = next(filter(_loses_map, inner), node)
        if _reduced_axes(loser.op).intersection(SPATIAL_AXES):
            return f"needs the whole map: {named(loser)}"
        return f"expected [1, rows, columns, channels], found {lost[0].type.stored}: {named(loser)}"
    if len({map_size(value) for value in node.outputs}) > 1:
        return f"the outputs differ in rows or columns: {named(node)}"
    return ""


def _loses_map(node: Node) -> bool:
    return any(map(is_spatial, node.inputs)) and not all(map(is_spatial, node.outputs))


def named(node: Node) -> str:
    """A node in words for the user: what it computes, and where that is in the model."""
    # Rewrites put the names of what they take in before that of the node itself.
    names = node.location.names[-1:] or (f"%{node.outputs[0].name}",)
    return f"{_kind(node)} at {names[0]}"


def _kind(node: Node) -> str:
    if isinstance(node.op, Reduce) and is_spatial(node.inputs[0]):
        sizes = zip(SPATIAL_AXES, map_size(node.inputs[0]), strict=True)
        if {axis for axis, size in sizes if size > 1} <= set(node.op.axes):
            return f"global_{'average' if node.op.kind == 'mean' else node.op.kind}_pool"
    return node.op.name


def _reduced_axes(op: Op) -> set[int]:
    if isinstance(op, ArgReduce):
        return {op.axis}
    return set(op.axes) if isinstance(op, Reduce) else set()


def is_spatial(value: Value) -> bool:
    """Whether a value is a map of rows and columns, of one scale where it is quantized."""
    type = value.type
    quantized_in_place = type.quant is not None and type.quant.axis in SPATIAL_AXES
    return type.rank == SPATIAL_RANK and type.shape[0] == 1 and not quantized_in_place
