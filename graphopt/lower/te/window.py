"""Convolutions and pools in any number of spatial dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from graphopt import ops
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.movement import padded
from graphopt.lower.te.reduction import limits
from graphopt.lower.te.tensor import (
    At,
    Expr,
    Index,
    Program,
    Tensor,
    cast_of,
    numpy_const,
    viewed,
    wide,
)

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter


def _around(
    x: Tensor, layout: str, begins: tuple[int, ...], ends: tuple[int, ...], fill: float | bool
) -> Tensor:
    """`x` with its spatial dimensions padded."""
    none = (0,)
    if layout == "NHWC":
        return padded(x, none + begins + none, none + ends + none, fill)
    return padded(x, none * 2 + begins, none * 2 + ends, fill)


def _input_index(layout: str, batch: Expr, channel: Expr, space: Index) -> Index:
    return (batch, *space, channel) if layout == "NHWC" else (batch, channel, *space)


def _output_index(layout: str, index: Index) -> tuple[Expr, Expr, Index]:
    """Batch, channel and place."""
    if layout == "NHWC":
        return index[0], index[-1], index[1:-1]
    return index[0], index[1], index[2:]


def conv(p: Program, op: ops.Conv, inputs: Inputs, outputs: Types) -> Inputs:
    x, w = (p.stored(t) for t in inputs[:2])
    check_computes(x.dtype)
    spatial = len(op.strides)
    if any(op.pads):
        fill = op.pad_value
        x = p.compute(_around(x, op.layout, op.pads[:spatial], op.pads[spatial:], fill))
    y = _correlation(x, w, op, outputs[0])
    return (_with_bias(p, y, inputs, op.layout),)


def _with_bias(p: Program, y: Tensor, inputs: Inputs, layout: str) -> Tensor:
    if len(inputs) == 2:
        return y
    bias = p.stored(inputs[2])

    def at(e: Emitter, index: Index) -> Expr:
        _, channel, _ = _output_index(layout, index)
        return e.apply(ops.Add(), y.at(e, index), e.at(bias, (channel,)))

    return replace(y, at=at)


def _correlation(x: Tensor, w: Tensor, op: ops.Conv, result: TensorType) -> Tensor:
    """The convolution of an already padded input, without bias."""
    outs, per_group = w.shape[0] // op.groups, w.shape[1]
    acc = wide(result.dtype)
    source, weights = cast_of(x, acc), cast_of(w, acc)

    def at(e: Emitter, index: Index) -> Expr:
        batch, o, place = _output_index(op.layout, index)
        first = 0 if op.groups == 1 else (o // outs) * per_group
        total = e.local(acc, e.const(0, acc))
        with e.loops((per_group, *w.shape[2:])) as (channel, *taps):
            space = tuple(
                i * s + t * d
                for i, s, t, d in zip(place, op.strides, taps, op.dilations, strict=True)
            )
            element = e.at(source, _input_index(op.layout, batch, first + channel, space))
            product = e.apply(ops.Mul(), element, e.at(weights, (o, channel, *taps)))
            total.set(e.apply(ops.Add(), total.get(), product))
        return total.get()

    return cast_of(Tensor(acc, result.dims, at, loops=True), result.dtype)


def conv_transpose(p: Program, op: ops.ConvTranspose, inputs: Inputs, outputs: Types) -> Inputs:
    """A convolution of the input with zeros between its elements, by the mirrored weights."""
    x, w = (p.stored(t) for t in inputs[:2])
    check_computes(x.dtype)
    spatial, kernel = len(op.strides), w.shape[2:]
    reach = tuple((k - 1) * d for k, d in zip(kernel, op.dilations, strict=True))
    sizes = tuple((n - 1) * s + 1 for n, s in zip(x.shape[2:], op.strides, strict=True))

    def stuffed(e: Emitter, index: Index) -> Expr:
        there = [e.same(i % s, 0) for i, s in zip(index[2:], op.strides, strict=True) if s > 1]
        place = tuple(i // s for i, s in zip(index[2:], op.strides, strict=True))
        element = e.at(x, (*index[:2], *place))
        return e.select(e.both(*there), element, e.const(0, x.dtype)) if there else element

    begins = tuple(r - b for r, b in zip(reach, op.pads[:spatial], strict=True))
    ends = tuple(
        r - b + o for r, b, o in zip(reach, op.pads[spatial:], op.output_padding, strict=True)
    )
    spread = Tensor(x.dtype, (*x.shape[:2], *sizes), stuffed)
    wide_x = p.compute(_around(spread, "NCHW", begins, ends, 0))
    outs, ins = w.shape[1], w.shape[0] // op.groups

    def mirrored(index: Index) -> Index:
        o, i, *taps = index
        group = 0 if op.groups == 1 else o // outs
        return (group * ins + i, o % outs, *(k - 1 - t for k, t in zip(kernel, taps, strict=True)))

    turned = viewed(w, (outs * op.groups, ins, *kernel), mirrored)
    plain = ops.Conv((1,) * spatial, (0,) * (2 * spatial), op.dilations, op.groups)
    y = _correlation(wide_x, p.compute(turned), plain, outputs[0])
    return (_with_bias(p, y, inputs, "NCHW"),)


def max_pool(p: Program, op: ops.MaxPool, inputs: Inputs, outputs: Types) -> Inputs:
    x = inputs[0]
    low = numpy_const(limits(x.dtype)[0], x.dtype) if x.dtype is not DType.BOOL else False
    return (_pooled(p, op, x, ops.Max(), low, outputs),)


def _pooled(p: Program, op: ops.Pool, x: Tensor, step: Op, fill: float, outputs: Types) -> Tensor:
    """The elements of each window combined by `step`; padding holds its neutral element `fill`."""
    check_computes(x.dtype)
    (result,) = outputs
    x = p.stored(x)
    spatial = len(op.kernel)
    _, _, sizes = _output_index(op.layout, x.shape)
    _, _, counts = _output_index(op.layout, result.dims)
    begins = op.pads[:spatial]
    ends = tuple(
        max(0, (n - 1) * s + (k - 1) * d + 1 - size - b)
        for n, s, k, d, size, b in zip(
            counts, op.strides, op.kernel, op.dilations, sizes, begins, strict=True
        )
    )
    if any(begins) or any(ends):
        x = p.compute(_around(x, op.layout, begins, ends, fill))

    def at(e: Emitter, index: Index) -> Expr:
        batch, channel, place = _output_index(op.layout, index)
        total = e.local(x.dtype, e.const(fill, x.dtype))
        with e.loops(op.kernel) as taps:
            space = tuple(
                i * s + t * d
                for i, s, t, d in zip(place, op.strides, taps, op.dilations, strict=True)
            )
            element = e.at(x, _input_index(op.layout, batch, channel, space))
            total.set(e.apply(step, total.get(), element))
        return total.get()

    return Tensor(x.dtype, result.dims, at, loops=True)


def sum_pool(p: Program, op: ops.SumPool, inputs: Inputs, outputs: Types) -> Inputs:
    x = cast_of(p.stored(inputs[0]), wide(outputs[0].dtype))
    return (cast_of(_pooled(p, op, x, ops.Add(), 0, outputs), outputs[0].dtype),)


def average_pool(p: Program, op: ops.AveragePool, inputs: Inputs, outputs: Types) -> Inputs:
    x = inputs[0]
    check_computes(x.dtype)
    (result,) = outputs
    acc = wide(x.dtype)
    total = _pooled(p, op, cast_of(p.stored(x), acc), ops.Add(), 0, outputs)
    _, _, sizes = _output_index(op.layout, x.shape)
    taps = [_counts(op, axis, size) for axis, size in enumerate(sizes)]
    same = all((c == c[0]).all() for c in taps)
    if same:
        whole = float(np.prod([c[0] for c in taps]))
        return (_divided(total, lambda e, index: e.const(whole, acc), result.dtype, acc),)
    tables = [p.table(c.astype(acc.numpy)) for c in taps]

    def count(e: Emitter, index: Index) -> Expr:
        _, _, place = _output_index(op.layout, index)
        product = e.const(1, acc)
        for table, i in zip(tables, place, strict=True):
            product = e.apply(ops.Mul(), product, e.at(table, (i,)))
        return product

    return (_divided(total, count, result.dtype, acc),)


def _divided(total: Tensor, count: At, dtype: DType, acc: DType) -> Tensor:
    def at(e: Emitter, index: Index) -> Expr:
        return e.apply(ops.Div(), total.at(e, index), count(e, index))

    return cast_of(replace(total, at=at), dtype)


def _counts(op: ops.AveragePool, axis: int, size: int) -> Array:
    """How many taps of each window count, along one spatial axis."""
    spatial = len(op.kernel)
    (windows,) = type(op)(
        op.kernel[axis : axis + 1],
        op.strides[axis : axis + 1],
        (op.pads[axis], op.pads[spatial + axis]),
        op.dilations[axis : axis + 1],
        op.ceil,
    ).output_size((size,))
    start = np.arange(windows)[:, None] * op.strides[axis] - op.pads[axis]
    tap = start + np.arange(op.kernel[axis])[None, :] * op.dilations[axis]
    before, after = (op.pads[axis], op.pads[spatial + axis]) if op.count_pad else (0, 0)
    return np.asarray(((tap >= -before) & (tap < size + after)).sum(axis=1))
