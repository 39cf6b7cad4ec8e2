"""Gathers, scatters and selections."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import DType, Value
from graphopt.ops.indexing import Combine


def gather(call: Call) -> Value:
    """Gather."""
    x, index = call.tensors()
    return call.emit(ops.Gather(call.axis(call.integer("axis", 0), x.type.rank)), x, index)


def gather_elements(call: Call) -> Value:
    """GatherElements."""
    x, index = call.tensors()
    return call.emit(ops.GatherElements(call.axis(call.integer("axis", 0), x.type.rank)), x, index)


def gather_nd(call: Call) -> Value:
    """GatherND."""
    return call.emit(ops.GatherNd(call.integer("batch_dims", 0)), *call.tensors())


def _combine(call: Call) -> Combine:
    kind = call.string("reduction", "none")
    if kind not in get_args(Combine):
        raise call.invalid(f"reduction: expected one of {get_args(Combine)}, found {kind!r}")
    return cast(Combine, kind)


def scatter_elements(call: Call) -> Value:
    """ScatterElements and its older name Scatter."""
    inputs = call.tensors()
    axis = call.axis(call.integer("axis", 0), inputs[0].type.rank)
    return call.emit(ops.ScatterElements(axis, _combine(call)), *inputs)


def scatter_nd(call: Call) -> Value:
    """ScatterND."""
    return call.emit(ops.ScatterNd(_combine(call)), *call.tensors())


def one_hot(call: Call) -> Value:
    """OneHot: negative indices count from the end; others out of range give no hot element."""
    index, _, values = call.tensors()
    depth = int(call.known(1, "depth").reshape(-1)[0])
    if index.type.dtype is not DType.I64:
        index = call.emit(ops.Cast(DType.I64), index)
    zero, size = call.scalar(0, index), call.scalar(depth, index)
    wrapped = call.emit(ops.Add(), index, size)
    index = call.emit(ops.Where(), call.emit(ops.Less(), index, zero), wrapped, index)
    axis = call.axis(call.integer("axis", -1), index.type.rank + 1)
    dims = index.type.dims
    index = call.emit(ops.Reshape((*dims[:axis], 1, *dims[axis:])), index)
    classes = np.arange(depth).reshape(-1, *(1,) * (len(dims) - axis))
    hot = call.emit(ops.Equal(), index, call.constant(classes, np.int64))
    off, on = (
        call.emit(ops.Reshape(()), call.emit(ops.Slice((i,), (1,), (1,)), values)) for i in (0, 1)
    )
    return call.emit(ops.Where(), hot, on, off)


def compress(call: Call) -> Value:
    """Compress: which slices stay must be known."""
    x = call.input(0)
    keep = np.flatnonzero(call.known(1, "condition"))
    if not call.has_attribute("axis"):
        x = call.emit(ops.Reshape((x.type.elements,)), x)
        return call.emit(ops.Gather(0), x, call.constant(keep, np.int64))
    axis = call.axis(call.integer("axis"), x.type.rank)
    return call.emit(ops.Gather(axis), x, call.constant(keep, np.int64))


def non_zero(call: Call) -> Value:
    """NonZero of a known input."""
    x = call.known(0, "the input, which decides the shape of the result")
    return call.constant(np.array(np.nonzero(x), dtype=np.int64).reshape(x.ndim, -1))


IMPORTERS: dict[str, Import] = {
    "Compress": compress,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonZero": non_zero,
    "OneHot": one_hot,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
}
