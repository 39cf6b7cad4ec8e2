"""Operators that move elements: a view of the input at another index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.ir import Op
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.tensor import (
    Expr,
    Index,
    Program,
    Tensor,
    broadcast,
    linear,
    numpy_const,
    unravel,
    viewed,
)

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter


def identity(p: Program, op: Op, inputs: Inputs, outputs: Types) -> Inputs:
    return inputs


def reshape(p: Program, op: ops.Reshape, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])

    def index(i: Index) -> Index:
        return unravel(linear(i, op.shape), x.shape)

    return (viewed(x, op.shape, index),)


def transpose(p: Program, op: ops.Transpose, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])
    inverse = [op.perm.index(axis) for axis in range(len(op.perm))]
    return (viewed(x, outputs[0].dims, lambda i: tuple(i[a] for a in inverse)),)


def expand(p: Program, op: ops.Expand, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])
    return (Tensor(x.dtype, op.shape, broadcast(x, op.shape)),)


def tile(p: Program, op: ops.Tile, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])

    def index(i: Index) -> Index:
        return tuple(
            0 if size == 1 else j if repeat == 1 else j % size
            for j, size, repeat in zip(i, x.shape, op.repeats, strict=True)
        )

    return (viewed(x, outputs[0].dims, index),)


def slice_(p: Program, op: ops.Slice, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])

    def index(i: Index) -> Index:
        return tuple(
            start + j * step for j, start, step in zip(i, op.starts, op.steps, strict=True)
        )

    return (viewed(x, op.sizes, index),)


def concat(p: Program, op: ops.Concat, inputs: Inputs, outputs: Types) -> Inputs:
    return (concatenated(tuple(p.stored(t) for t in inputs), op.axis),)


def concatenated(parts: Inputs, axis: int) -> Tensor:
    """The parts one after the other along `axis`."""
    parts = tuple(t for t in parts if t.shape[axis]) or parts[:1]
    if len(parts) == 1:
        return parts[0]
    shape = parts[0].shape
    total = sum(t.shape[axis] for t in parts)

    def at(e: Emitter, index: Index) -> Expr:
        start, value = 0, None
        for part in parts:
            inside = index[axis] - start if start else index[axis]
            held = e.most(e.least(inside, part.shape[axis] - 1), 0)
            element = e.at(part, (*index[:axis], held, *index[axis + 1 :]))
            value = element if value is None else e.select(index[axis] >= start, element, value)
            start += part.shape[axis]
        return value

    whole = (*shape[:axis], total, *shape[axis + 1 :])
    return Tensor(parts[0].dtype, whole, at, parts=(axis, parts))


def pad(p: Program, op: ops.Pad, inputs: Inputs, outputs: Types) -> Inputs:
    rank = len(inputs[0].shape)
    x = p.stored(inputs[0])
    begins, ends = op.pads[:rank], op.pads[rank:]
    if op.mode == "constant":
        return (padded(x, begins, ends, numpy_const(op.value, x.dtype)),)
    begun = tuple(max(0, -b) for b in begins)
    sizes = tuple(d + min(0, b) + min(0, e) for d, b, e in zip(x.shape, begins, ends, strict=True))

    def source(e: Emitter, i: Expr, axis: int) -> Expr:
        size, before = sizes[axis], max(0, begins[axis])
        if begins[axis] <= 0 and ends[axis] <= 0:
            return i + begun[axis]
        if size == 1:
            return begun[axis]
        j = i - before
        if op.mode == "edge":
            j = e.most(e.least(j, size - 1), 0)
        elif op.mode == "wrap":
            j = (j + size * (-(-before // size))) % size
        else:
            period = 2 * (size - 1)
            j = (j + period * (-(-before // period))) % period
            j = e.least(j, period - j)
        return j + begun[axis]

    def at(e: Emitter, index: Index) -> Expr:
        return e.at(x, tuple(source(e, i, axis) for axis, i in enumerate(index)))

    return (Tensor(x.dtype, outputs[0].dims, at),)


def padded(
    x: Tensor, begins: tuple[int, ...], ends: tuple[int, ...], fill: float | int | bool
) -> Tensor:
    """`x` with `fill` around it, one axis after the other; negative numbers crop."""
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if begin < 0 or end < 0:
            x = _cropped(x, axis, max(0, -begin), max(0, -end))
        before = _filled(x, axis, max(0, begin), fill)
        after = _filled(x, axis, max(0, end), fill)
        if begin > 0 or end > 0:
            x = concatenated((before, x, after), axis)
    return x


def _cropped(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    size = x.shape[axis] - before - after
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return viewed(x, shape, lambda i: (*i[:axis], i[axis] + before, *i[axis + 1 :]))


def _filled(x: Tensor, axis: int, size: int, fill: float | int | bool) -> Tensor:
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return Tensor(x.dtype, shape, lambda e, index: e.const(fill, x.dtype))


def depth_to_space(p: Program, op: ops.DepthToSpace, inputs: Inputs, outputs: Types) -> Inputs:
    x, b = p.stored(inputs[0]), op.block
    last = op.layout == "NHWC"
    depth = x.shape[-1 if last else 1] // b**2

    def index(i: Index) -> Index:
        n, h, w, c = i if last else (i[0], i[2], i[3], i[1])
        if op.mode == "DCR":
            channel = ((h % b) * b + w % b) * depth + c
        else:
            channel = (c * b + h % b) * b + w % b
        return (n, h // b, w // b, channel) if last else (n, channel, h // b, w // b)

    return (viewed(x, outputs[0].dims, index),)


def trilu(p: Program, op: ops.Trilu, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])

    def at(e: Emitter, index: Index) -> Expr:
        row, column = index[-2:]
        keep = (row + op.k <= column) if op.upper else (row + op.k >= column)
        return e.select(e.truth(keep), e.at(x, index), e.const(0, x.dtype))

    return (Tensor(x.dtype, x.shape, at),)
