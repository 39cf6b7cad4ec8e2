"""Operators that compute over windows and axes as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphopt import ops
from graphopt.frontend.emitter import Emitter, Export
from graphopt.ir import Node, Op
from graphopt.ops.convolution import Layout

REDUCTIONS = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
}


def apply_channels_first(
    emitter: Emitter, node: Node, layout: Layout, op_type: str, **attributes: Any
) -> None:
    """Export a node that has a layout; around one with channels last, transposes."""
    x, *rest = (emitter.name(v) for v in node.inputs)
    if layout == "NCHW":
        emitter.apply(node, op_type, **attributes)
        return
    rank = node.inputs[0].type.rank
    x = emitter.node("Transpose", [x], perm=[0, rank - 1, *range(1, rank - 1)])
    y = emitter.node(op_type, [x, *rest], **attributes)
    outputs = [emitter.name(node.output)]
    emitter.node("Transpose", [y], outputs, perm=[0, *range(2, rank), 1])


def _conv(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.Conv)
    apply_channels_first(
        emitter,
        node,
        op.layout,
        "Conv",
        kernel_shape=node.inputs[1].type.dims[2:],
        strides=op.strides,
        pads=op.pads,
        dilations=op.dilations,
        group=op.groups,
    )


def _conv_transpose(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.ConvTranspose)
    emitter.apply(
        node,
        "ConvTranspose",
        kernel_shape=node.inputs[1].type.dims[2:],
        strides=op.strides,
        pads=op.pads,
        dilations=op.dilations,
        output_padding=op.output_padding,
        group=op.groups,
    )


def _pool(op_type: str, further: Callable[[Op], dict[str, Any]]) -> Export:
    def run(emitter: Emitter, node: Node) -> None:
        op = node.op
        assert isinstance(op, ops.Pool)
        apply_channels_first(
            emitter,
            node,
            op.layout,
            op_type,
            kernel_shape=op.kernel,
            strides=op.strides,
            pads=op.pads,
            dilations=op.dilations,
            ceil_mode=int(op.ceil),
            **further(op),
        )

    return run


def _count_pad(op: Op) -> dict[str, Any]:
    assert isinstance(op, ops.AveragePool)
    return {"count_include_pad": int(op.count_pad)}


def _matmul(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.MatMul)
    a, b = (emitter.name(v) for v in node.inputs)
    if node.op.transpose_b:
        rank = node.inputs[1].type.rank
        b = emitter.node("Transpose", [b], perm=[*range(rank - 2), rank - 1, rank - 2])
    emitter.node("MatMul", [a, b], [emitter.name(node.output)])


def _softmax(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Softmax)
    emitter.apply(node, "LogSoftmax" if node.op.log else "Softmax", axis=node.op.axis)


def _layer_norm(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.LayerNorm)
    type = node.output.type
    if not op.rms and op.axes and op.axes == tuple(range(op.axes[0], type.rank)):
        ones = np.ones(type.dims[op.axes[0] :], type.dtype.numpy)
        emitter.apply(
            node,
            "LayerNormalization",
            emitter.constant(ones),
            axis=op.axes[0],
            epsilon=op.epsilon,
        )
        return
    x = emitter.name(node.inputs[0])
    axes = emitter.ints(op.axes)

    def mean(name: str) -> str:
        return emitter.node("ReduceMean", [name, axes], noop_with_empty_axes=1)

    centred = x if op.rms else emitter.node("Sub", [x, mean(x)])
    variance = mean(emitter.node("Mul", [centred, centred]))
    shifted = emitter.node("Add", [variance, emitter.scalar(op.epsilon, type)])
    deviation = emitter.node("Sqrt", [shifted])
    emitter.node("Div", [centred, deviation], [emitter.name(node.output)])


def _reduce(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.Reduce)
    emitter.apply(
        node,
        REDUCTIONS[op.kind],
        emitter.ints(op.axes),
        keepdims=int(op.keepdims),
        noop_with_empty_axes=1,
    )


def _arg_reduce(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.ArgReduce)
    emitter.apply(
        node,
        "ArgMax" if op.kind == "max" else "ArgMin",
        axis=op.axis,
        keepdims=int(op.keepdims),
        select_last_index=int(op.last),
    )


def _cumsum(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.CumSum)
    axis = emitter.constant(np.asarray(op.axis, np.int64))
    emitter.apply(node, "CumSum", axis, exclusive=int(op.exclusive), reverse=int(op.reverse))


def _top_k(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.TopK)
    emitter.apply(node, "TopK", emitter.ints([op.k]), axis=op.axis, largest=int(op.largest))


def _quantize(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Quantize)
    _with_axis(emitter, node, "QuantizeLinear", node.op.axis)


def _dequantize(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Dequantize)
    _with_axis(emitter, node, "DequantizeLinear", node.op.axis)


def _with_axis(emitter: Emitter, node: Node, op_type: str, axis: int | None) -> None:
    if axis is None:
        emitter.apply(node, op_type)
    else:
        emitter.apply(node, op_type, axis=axis)


EXPORTERS: dict[type[Op], Export] = {
    ops.ArgReduce: _arg_reduce,
    ops.AveragePool: _pool("AveragePool", _count_pad),
    ops.Conv: _conv,
    ops.ConvTranspose: _conv_transpose,
    ops.CumSum: _cumsum,
    ops.Dequantize: _dequantize,
    ops.LayerNorm: _layer_norm,
    ops.MatMul: _matmul,
    ops.MaxPool: _pool("MaxPool", lambda op: {}),
    ops.Quantize: _quantize,
    ops.Reduce: _reduce,
    ops.Softmax: _softmax,
    ops.TopK: _top_k,
}
