"""Pools."""

from __future__ import annotations

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.frontend.pool_indices import pool_indices
from graphopt.frontend.windowed import Window, window
from graphopt.ir import Value


def _window(call: Call, x: Value) -> Window:
    return window(call, x.type.dims[2:], call.integers("kernel_shape"))


def _ceil(call: Call) -> bool:
    # With auto_pad the number of windows is given, so there is nothing to round.
    return bool(call.integer("ceil_mode", 0)) and not call.string("auto_pad", "NOTSET").startswith(
        "SAME"
    )


def max_pool(call: Call) -> Value | tuple[Value, ...]:
    """MaxPool, with the places of the largest elements if they are asked for."""
    x = call.input(0)
    at = _window(call, x)
    op = ops.MaxPool(at.kernel, at.strides, at.pads, at.dilations, ceil=_ceil(call))
    y = call.emit(op, x)
    if len(call.node.output) > 1 and call.node.output[1]:
        return y, pool_indices(call, op, x)
    return y


def average_pool(call: Call) -> Value:
    """AveragePool."""
    x = call.input(0)
    at = _window(call, x)
    op = ops.AveragePool(
        at.kernel,
        at.strides,
        at.pads,
        at.dilations,
        ceil=_ceil(call),
        count_pad=bool(call.integer("count_include_pad", 0)),
    )
    return call.emit(op, x)


def lp_pool(call: Call) -> Value:
    """LpPool: the p-norm of each window, by a convolution of |x|^p with ones."""
    x = call.input(0)
    at = _window(call, x)
    pool = ops.AveragePool(at.kernel, at.strides, at.pads, at.dilations, ceil=_ceil(call))
    spatial, size = len(at.kernel), x.type.dims[2:]
    count = pool.output_size(size)
    ends = [
        max(
            at.pads[spatial + i],
            (count[i] - 1) * at.strides[i]
            + (at.kernel[i] - 1) * at.dilations[i]
            + 1
            - size[i]
            - at.pads[i],
        )
        for i in range(spatial)
    ]
    channels = x.type.dims[1]
    ones = call.constant(np.ones((channels, 1, *at.kernel)), x.type.dtype.numpy)
    op = ops.Conv(at.strides, (*at.pads[:spatial], *ends), at.dilations, channels)
    p = call.integer("p", 2)
    return _root(call, call.emit(op, _power(call, x, p), ones), p)


def _power(call: Call, x: Value, p: int) -> Value:
    if p == 2:
        return call.emit(ops.Mul(), x, x)
    x = call.emit(ops.Abs(), x)
    return x if p == 1 else call.emit(ops.Pow(), x, call.scalar(p, x))


def _root(call: Call, x: Value, p: int) -> Value:
    if p == 2:
        return call.emit(ops.Sqrt(), x)
    return x if p == 1 else call.emit(ops.Pow(), x, call.scalar(1 / p, x))


def _spatial(x: Value) -> tuple[int, ...]:
    return tuple(range(2, x.type.rank))


def global_average_pool(call: Call) -> Value:
    """GlobalAveragePool."""
    x = call.input(0)
    return call.emit(ops.Reduce("mean", _spatial(x), True), x)


def global_max_pool(call: Call) -> Value:
    """GlobalMaxPool."""
    x = call.input(0)
    return call.emit(ops.Reduce("max", _spatial(x), True), x)


def global_lp_pool(call: Call) -> Value:
    """GlobalLpPool."""
    x, p = call.input(0), call.integer("p", 2)
    return _root(call, call.emit(ops.Reduce("sum", _spatial(x), True), _power(call, x, p)), p)


IMPORTERS: dict[str, Import] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_max_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
}
