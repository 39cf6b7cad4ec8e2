"""Operators that move or select data as ONNX nodes."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from graphopt import ops
from graphopt.errors import UnsupportedOperator
from graphopt.frontend.emitter import Emitter, Export
from graphopt.frontend.export_elementwise import plain
from graphopt.frontend.export_kernels import apply_channels_first
from graphopt.ir import Node, Op


def _reshape(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Reshape)
    emitter.apply(node, "Reshape", emitter.ints(node.op.shape), allowzero=1)


def _transpose(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Transpose)
    emitter.apply(node, "Transpose", perm=node.op.perm)


def _expand(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Expand)
    emitter.apply(node, "Expand", emitter.ints(node.op.shape))


def _tile(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Tile)
    emitter.apply(node, "Tile", emitter.ints(node.op.repeats))


def _concat(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Concat)
    emitter.apply(node, "Concat", axis=node.op.axis)


def _slice(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.Slice)
    ends = []
    for start, size, step in zip(op.starts, op.sizes, op.steps, strict=True):
        end = start + size * step
        # A negative end would count from the back; the least integer means "past the front".
        ends.append(end if end >= 0 else np.iinfo(np.int64).min)
    axes = range(len(ends))
    parameters = (op.starts, ends, axes, op.steps)
    emitter.apply(node, "Slice", *(emitter.ints(list(p)) for p in parameters))


def _pad(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.Pad)
    extra = [emitter.ints(op.pads)]
    if op.mode == "constant":
        extra.append(emitter.scalar(op.value, node.output.type))
    emitter.apply(node, "Pad", *extra, mode=op.mode)


def _depth_to_space(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.DepthToSpace)
    apply_channels_first(emitter, node, op.layout, "DepthToSpace", blocksize=op.block, mode=op.mode)


def _trilu(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Trilu)
    k = emitter.constant(np.asarray(node.op.k, np.int64))
    emitter.apply(node, "Trilu", k, upper=int(node.op.upper))


def _resize(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.Resize)
    size = node.inputs[0].type.dims
    roi = ""
    if op.roi:
        roi = emitter.constant(np.asarray(op.roi).astype(node.output.type.dtype.numpy))
    ratios = [n / d if d else 1.0 for n, d in zip(op.shape, size, strict=True)]
    parameters: tuple[str, ...]
    if np.allclose(ratios, op.scales, rtol=1e-6):
        parameters = ("", emitter.ints(op.shape))
    else:
        scales = np.asarray(op.scales, np.float32)
        if tuple(np.floor(scales * np.asarray(size, np.float32)).astype(int)) != op.shape:
            raise UnsupportedOperator(
                str(node), f"scales {op.scales} do not give {op.shape} in ONNX"
            )
        parameters = (emitter.constant(scales),)
    emitter.apply(
        node,
        "Resize",
        roi,
        *parameters,
        mode=op.mode,
        coordinate_transformation_mode=op.coordinates,
        nearest_mode=op.nearest,
        cubic_coeff_a=op.cubic,
        exclude_outside=int(op.exclude_outside),
        antialias=int(op.antialias),
        extrapolation_value=op.extrapolation,
    )


def _gather(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Gather)
    emitter.apply(node, "Gather", axis=node.op.axis)


def _gather_elements(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.GatherElements)
    emitter.apply(node, "GatherElements", axis=node.op.axis)


def _gather_nd(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.GatherNd)
    emitter.apply(node, "GatherND", batch_dims=node.op.batch_dims)


def _scatter_elements(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.ScatterElements)
    emitter.apply(node, "ScatterElements", axis=node.op.axis, reduction=node.op.combine)


def _scatter_nd(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.ScatterNd)
    emitter.apply(node, "ScatterND", reduction=node.op.combine)


def _onnx_op(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.OnnxOp)
    proto = NodeProto.FromString(node.op.node)
    given, made = iter(node.inputs), iter(node.outputs)
    inputs = [emitter.name(next(given)) if name else "" for name in proto.input]
    outputs = [emitter.name(next(made)) if name else "" for name in proto.output]
    del proto.input[:], proto.output[:]
    proto.input.extend(inputs)
    proto.output.extend(outputs)
    proto.name = emitter.node_name()
    emitter.nodes.append(proto)


EXPORTERS: dict[type[Op], Export] = {
    ops.Concat: _concat,
    ops.DepthToSpace: _depth_to_space,
    ops.Expand: _expand,
    ops.Gather: _gather,
    ops.GatherElements: _gather_elements,
    ops.GatherNd: _gather_nd,
    ops.Identity: plain("Identity"),
    ops.OnnxOp: _onnx_op,
    ops.Pad: _pad,
    ops.Reshape: _reshape,
    ops.Resize: _resize,
    ops.ScatterElements: _scatter_elements,
    ops.ScatterNd: _scatter_nd,
    ops.Slice: _slice,
    ops.Tile: _tile,
    ops.Transpose: _transpose,
    ops.Trilu: _trilu,
}
