"""How a rectangle of an operator's outputs depends on each of its inputs: a rule per family."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from graphopt.analysis.axes import padded
from graphopt.analysis.axis_maps import AxisMap, BlockMap, FixedMap
from graphopt.analysis.resampling import resize_map
from graphopt.analysis.spatial import (
    SPATIAL_AXES,
    SPATIAL_RANK,
    WHOLE,
    NotSpatial,
    OperatorReach,
    Whole,
    is_spatial,
    map_size,
    named,
    outputs_obstacle,
)
from graphopt.ir import Node, Value
from graphopt.ops import (
    ArgReduce,
    AveragePool,
    Concat,
    Conv,
    CumSum,
    Decode,
    DepthToSpace,
    Dequantize,
    Elementwise,
    Encode,
    Expand,
    Gather,
    Identity,
    IntegerSoftmax,
    LayerNorm,
    Lookup,
    MatMul,
    Pad,
    Pool,
    Quantize,
    Reduce,
    Requantize,
    Resize,
    Retype,
    Slice,
    Softmax,
    TopK,
)

OperatorReaches = tuple[OperatorReach | Whole, ...]


# A search asks for the same nodes over and over; they are immutable.
@lru_cache(maxsize=4096)
def operator_reach(node: Node) -> OperatorReaches | NotSpatial:
    """The reach of each input of `node`, which is not a region."""
    obstacle = outputs_obstacle(node)
    if obstacle:
        return NotSpatial(obstacle)
    match node.op:
        case Conv() as op:
            kernel = tuple(node.inputs[1].type.dims[2:])
            if op.layout != "NHWC":
                return NotSpatial(f"channels come before rows and columns: {named(node)}")
            return _windowed(node, _window_maps(node, kernel, op.strides, op.dilations, op.pads))
        case Pool() as op:
            if op.layout != "NHWC":
                return NotSpatial(f"channels come before rows and columns: {named(node)}")
            counted = op.ceil and isinstance(op, AveragePool) and op.count_pad
            return _windowed(
                node,
                _window_maps(node, op.kernel, op.strides, op.dilations, op.pads, counted),
            )
        case Pad() as op:
            return _pad(node, op)
        case Slice() as op:
            return _slice(node, op)
        case Resize() as op:
            return _resize(node, op)
        case DepthToSpace(layout="NHWC", block=block):
            rows, columns = map_size(node.inputs[0])
            return (OperatorReach(BlockMap(block, rows), BlockMap(block, columns)),)
        case Elementwise() | Expand():
            return _broadcast(node)
        case Concat(axis=axis):
            return _pointwise(node, (axis,), len(node.inputs))
        case (
            Softmax(axis=axis)
            | IntegerSoftmax(axis=axis)
            | ArgReduce(axis=axis)
            | CumSum(axis=axis)
            | TopK(axis=axis)
            | Gather(axis=axis)
        ):
            return _pointwise(node, (axis,))
        case Reduce(axes=axes) | LayerNorm(axes=axes):
            return _pointwise(node, axes)
        case Identity() | Encode() | Decode() | Requantize() | Retype() | Lookup():
            return _pointwise(node)
        case Quantize(axis=axis) | Dequantize(axis=axis):
            return _pointwise(node, () if axis is None else (axis,))
        case MatMul():
            return _matmul(node)
    return NotSpatial(f"cannot be computed in tiles: {named(node)}")


def _is_map_like(value: Value, other: Value) -> bool:
    return is_spatial(value) and map_size(value) == map_size(other)


def _identity(value: Value) -> OperatorReach:
    rows, columns = map_size(value)
    return OperatorReach(AxisMap.identity(rows), AxisMap.identity(columns))


def _window_maps(
    node: Node,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    pads: tuple[int, ...],
    ends: bool = False,
) -> OperatorReach:
    """The reach of windows; with `ends`, taps beyond the padding differ from those in it."""
    rows, columns = (
        AxisMap(
            kernel[i],
            strides[i],
            dilations[i],
            pads[i],
            map_size(node.inputs[0])[i],
            map_size(node.outputs[0])[i],
            pads[2 + i] if ends else None,
        )
        for i in range(2)
    )
    return OperatorReach(rows, columns)


def _windowed(node: Node, reach: OperatorReach) -> OperatorReaches:
    return (reach, *(WHOLE,) * (len(node.inputs) - 1))


def _pad(node: Node, op: Pad) -> OperatorReaches | NotSpatial:
    begins = tuple(op.pads[axis] for axis in SPATIAL_AXES)
    ends = tuple(op.pads[SPATIAL_RANK + axis] for axis in SPATIAL_AXES)
    if op.mode != "constant" and any((*begins, *ends)):
        return NotSpatial(f"{op.mode} padding reads rows and columns elsewhere: {named(node)}")
    return _windowed(node, _window_maps(node, (1, 1), (1, 1), (1, 1), (*begins, *ends)))


def _slice(node: Node, op: Slice) -> OperatorReaches | NotSpatial:
    starts = tuple(op.starts[axis] for axis in SPATIAL_AXES)
    steps = tuple(op.steps[axis] for axis in SPATIAL_AXES)
    if min(steps) < 1:
        return NotSpatial(f"reads rows or columns backwards: {named(node)}")
    pads = (-starts[0], -starts[1], 0, 0)
    return _windowed(node, _window_maps(node, (1, 1), steps, (1, 1), pads))


def _resize(node: Node, op: Resize) -> OperatorReaches | NotSpatial:
    (x,) = node.inputs
    if not is_spatial(x) or any(
        (op.scales[i], op.shape[i]) != (1, x.type.shape[i]) for i in (0, 3)
    ):
        return NotSpatial(f"resizes more than rows and columns: {named(node)}")
    maps = [
        resize_map(op, axis, x.type.dims[axis], x.type.dtype.is_integer) for axis in SPATIAL_AXES
    ]
    rows, columns = maps
    if rows is None or columns is None:
        return NotSpatial(
            f"resizes by {' x '.join(f'{op.scales[axis]:g}' for axis in SPATIAL_AXES)} in steps "
            f"({op.coordinates}) that tiles do not have: {named(node)}"
        )
    return (OperatorReach(rows, columns),)


def _pointwise(
    node: Node, axes: Iterable[int] = (), count: int = 1
) -> OperatorReaches | NotSpatial:
    """Each pixel from the same pixel of the first `count` inputs, if `axes` are not spatial."""
    maps, rest = node.inputs[:count], node.inputs[count:]
    if any(axis in SPATIAL_AXES for axis in axes):
        return NotSpatial(f"needs the whole map: {named(node)}")
    if not all(_is_map_like(value, node.outputs[0]) for value in maps):
        return NotSpatial(f"cannot be computed in tiles: {named(node)}")
    return (*map(_identity, maps), *(WHOLE,) * len(rest))


def _broadcast(node: Node) -> OperatorReaches | NotSpatial:
    out = map_size(node.output)
    reaches: list[OperatorReach | Whole] = []
    for value in node.inputs:
        sizes = padded(value.type.dims, SPATIAL_RANK)[1:3]
        varies = any(size > 1 for size in sizes)
        if not varies and (value.type.rank < SPATIAL_RANK or out != (1, 1)):
            reaches.append(WHOLE)
        elif is_spatial(value):
            rows, columns = (
                AxisMap.identity(size) if size == whole else FixedMap(size, whole)
                for size, whole in zip(sizes, out, strict=True)
            )
            reaches.append(OperatorReach(rows, columns))
        else:
            return NotSpatial(
                f"expected [1, rows, columns, channels], found {value.type.stored}: {named(node)}"
            )
    return tuple(reaches)


def _matmul(node: Node) -> OperatorReaches | NotSpatial:
    """A product with one matrix for all pixels is a convolution of one tap."""
    left, right = node.inputs
    one_matrix = all(dim == 1 for dim in right.type.dims[:-2])
    if not _is_map_like(left, node.output) or not one_matrix:
        return NotSpatial(f"cannot be computed in tiles: {named(node)}")
    return _identity(left), WHOLE
