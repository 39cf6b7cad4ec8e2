"""Tiles: the graph that computes a rectangle of a node's outputs from rectangles of its inputs.

A tile is the body of a kernel with other sizes. Windows that leave the true map find padding
there; where they only leave the tile they find the halo, which the tile's inputs hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from graphopt.analysis.axis_maps import OperatorMap, Span
from graphopt.analysis.operator_reach import operator_reach
from graphopt.analysis.receptive_field import fields, hull, spatial_reach, whole_map
from graphopt.analysis.resampling import resized_part
from graphopt.analysis.spatial import (
    NotSpatial,
    OperatorReach,
    Rectangle,
    Whole,
    map_size,
    named,
)
from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Graph, Node, Op, TensorType, Value
from graphopt.ops import AveragePool, Conv, Expand, Fused, Pad, Pool, Resize, Slice


@dataclass(frozen=True)
class Tile:
    """A rectangle of a node's outputs as a computation of its own.

    Attributes:
        graph: computes the rectangle of each output; its inputs are those of the node.
        inputs: what of each input of the node goes in: rows and columns, or None for all of it.
    """

    graph: Graph
    inputs: tuple[Rectangle | None, ...]


def tile(node: Node, rows: Span, columns: Span) -> Tile:
    """The computation of `rows` x `columns` of the outputs of `node`, a plain or a `Fused` one.

    Tiles of equal sizes and paddings print alike.

    Raises:
        TypeRuleError: the node has no tiles (`spatial_reach` says why), or the rectangle is empty
            or does not lie within its outputs.
    """
    reaches = spatial_reach(node)
    if isinstance(reaches, NotSpatial):
        raise TypeRuleError("tile", reaches.reason)
    _check_inside(node, rows, columns)
    body = node.op.body if isinstance(node.op, Fused) else _lone(node)
    wanted = (rows, columns)
    needs = fields(body.nodes, dict.fromkeys(body.outputs, wanted))
    if isinstance(needs, NotSpatial):
        raise TypeRuleError("tile", needs.reason)
    builder = _Builder(body, needs)
    for inner in body.nodes:
        builder.add(inner)
    outputs = tuple(builder.operand(value, wanted) for value in body.outputs)
    graph = Graph(body.name, builder.inputs, tuple(builder.nodes), outputs, builder.constants)
    return Tile(graph, tuple(needs.get(value) for value in body.inputs))


def _check_inside(node: Node, rows: Span, columns: Span) -> None:
    for what, span, size in zip(
        ("rows", "columns"), (rows, columns), map_size(node.outputs[0]), strict=True
    ):
        if not 0 <= span.lo < span.hi <= size:
            raise TypeRuleError("tile", f"{what}: expected some of [0,{size}), found {span}")


def _lone(node: Node) -> Graph:
    """A graph of one node, in the names that regions use."""
    inputs = tuple(Value(f"x{i}", value.type) for i, value in enumerate(node.inputs))
    outputs = tuple(Value(f"v{i}", value.type) for i, value in enumerate(node.outputs))
    return Graph(node.op.name, inputs, (replace(node, inputs=inputs, outputs=outputs),), outputs)


class _Builder:
    """The nodes of a tile, made from those of the body it is a part of, in the same order.

    Attributes:
        inputs, nodes, constants: of the tile's graph so far.
        held: what of a value of the body is there in the tile, and under which value.
    """

    def __init__(self, body: Graph, needs: Mapping[Value, Rectangle | None]) -> None:
        self.body = body
        self.needs = needs
        self.nodes: list[Node] = []
        self.constants: dict[Value, Array] = {}
        self.held: dict[Value, tuple[Value, Rectangle | None]] = {}
        self.parts: dict[tuple[Value, Rectangle], Value] = {}
        self.inputs = tuple(self._input(value) for value in body.inputs)

    def _input(self, value: Value) -> Value:
        part = self.needs.get(value)
        held = Value(value.name, value.type if part is None else _of_size(value.type, part))
        self.held[value] = held, part
        return held

    def add(self, node: Node) -> None:
        """Add what the tile needs of `node`, if it needs any of it."""
        asked = [self.needs[value] for value in node.outputs if value in self.needs]
        if not asked:
            return
        wanted = reduce(hull, asked)
        if wanted is None:
            inputs = tuple(self.operand(value, None) for value in node.inputs)
            self._emit(node, node.op, inputs, None)
            return
        reaches = operator_reach(node)
        if isinstance(reaches, NotSpatial):
            raise TypeRuleError("tile", reaches.reason)
        inputs = tuple(
            self.operand(value, None if isinstance(reach, Whole) else reach.pull(wanted))
            for value, reach in zip(node.inputs, reaches, strict=True)
        )
        first = reaches[0]
        covered = wanted if isinstance(first, Whole) else first.cover(wanted)
        self._emit(node, _resized(node.op, first, wanted, covered), inputs, covered)

    def _emit(self, node: Node, op: Op, inputs: tuple[Value, ...], part: Rectangle | None) -> None:
        types = op.infer(*(value.type for value in inputs))
        for value, type in zip(node.outputs, types, strict=True):
            expected = value.type if part is None else _of_size(value.type, part)
            if type != expected:
                raise TypeRuleError(f"tile of {named(node)}", f"expected {expected}, found {type}")
            self.held[value] = Value(value.name, type), part
        outputs = tuple(self.held[value][0] for value in node.outputs)
        self.nodes.append(replace(node, op=op, inputs=inputs, outputs=outputs))

    def operand(self, value: Value, part: Rectangle | None) -> Value:
        """The value of the tile that is `part` of `value`; cut out of a larger one if need be."""
        if value in self.body.constants:
            return self._constant(value, part)
        held, there = self.held[value]
        if part is None or part == (there or whole_map(value)):
            return held
        if (value, part) not in self.parts:
            self.parts[value, part] = self._cut(held, there or whole_map(value), part)
        return self.parts[value, part]

    def _cut(self, held: Value, there: Rectangle, part: Rectangle) -> Value:
        starts = tuple(span.lo - whole.lo for span, whole in zip(part, there, strict=True))
        sizes = _of_size(held.type, part).dims
        op = Slice((0, *starts, 0), sizes, (1,) * len(sizes))
        output = Value(f"{held.name}.{len(self.parts)}", *op.infer(held.type))
        self.nodes.append(Node(op, (held,), (output,)))
        return output

    def _constant(self, value: Value, part: Rectangle | None) -> Value:
        array = self.body.constants[value]
        if part is None:
            self.constants[value] = array
            return value
        if (value, part) not in self.parts:
            rows, columns = part
            type = _of_size(value.type, part)
            cut = Value(f"{value.name}.{len(self.parts)}", type)
            self.constants[cut] = np.array(array[:, rows.lo : rows.hi, columns.lo : columns.hi])
            self.parts[value, part] = cut
        return self.parts[value, part]


def _of_size(type: TensorType, part: Rectangle) -> TensorType:
    rows, columns = part
    return replace(type, shape=(type.shape[0], rows.size, columns.size, type.shape[3]))


def _resized(op: Op, reach: OperatorReach | Whole, wanted: Rectangle, covered: Rectangle) -> Op:
    """`op` with the attributes that make it compute the rectangle `covered` from its halo."""
    sizes = tuple(span.size for span in covered)
    if isinstance(op, Expand):
        return replace(op, shape=(op.shape[0], *sizes, op.shape[3]))
    if isinstance(op, Resize):
        return resized_part(op, (op.shape[0], *sizes, op.shape[3]))
    if isinstance(op, Slice):
        starts = (op.starts[0], 0, 0, op.starts[3])
        return replace(op, starts=starts, sizes=(op.sizes[0], *sizes, op.sizes[3]))
    if not isinstance(op, Conv | Pool | Pad) or isinstance(reach, Whole):
        return op
    axes = (reach.rows, reach.columns)
    padding = [axis.padding(span) for axis, span in zip(axes, wanted, strict=True)]
    begins, ends = zip(*padding, strict=True)
    if isinstance(op, Pad):
        keep = op.pads
        return replace(op, pads=(keep[0], *begins, keep[3], keep[4], *ends, keep[7]))
    if isinstance(op, AveragePool) and op.count_pad and op.ceil:
        return _resized_counting(op, axes, covered, (*begins, *ends))
    if isinstance(op, Pool):
        return replace(op, pads=(*begins, *ends), ceil=False)
    return replace(op, pads=(*begins, *ends))


def _resized_counting(
    op: AveragePool, axes: tuple[OperatorMap, ...], covered: Rectangle, pads: tuple[int, ...]
) -> Op:
    """An average pool for which taps in the padding count, and those beyond it do not.

    Padding ends where that of the whole map does; ceil mode gives the windows that hang over. In
    the other axis it would drop a last window that starts in the padding: that needs more of it.
    """
    ends = list(pads[2:])
    hangs = [ends[i] > op.pads[2 + i] for i in range(2)]
    if any(hangs):
        for i, (axis, span) in enumerate(zip(axes, covered, strict=True)):
            if hangs[i]:
                ends[i] = op.pads[2 + i]
            elif (span.size - 1) * op.strides[i] >= axis.pull(span).size + pads[i]:
                ends[i] += op.strides[i]
    return replace(op, pads=(*pads[:2], *ends), ceil=any(hangs))
