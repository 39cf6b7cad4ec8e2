"""Where MaxPool finds the largest element of each window."""

from __future__ import annotations

import math

import numpy as np

from graphopt.frontend.call import Call
from graphopt.frontend.compose import Compose
from graphopt.ir import Array, DType, Value
from graphopt.ops import ArgReduce, MaxPool


def pool_indices(call: Call, pool: MaxPool, x: Value) -> Value:
    """i64 like the pool's output: the place of the first largest element in the flat input.

    Every window is gathered through a table of places, so the winner's place can be looked up.
    With `storage_order` 1 places count down the columns of each image.
    """
    c = Compose(call.builder)
    batch, channels, *size = x.type.dims
    out = pool.output_size(tuple(size))
    table = tap_table(pool, tuple(size), out)
    windows, taps = table.shape
    flat = c.reshape(x, (batch, channels, math.prod(size)))
    read = c.gather(flat, c.constant(np.maximum(table, 0)), 2)
    lowest = -math.inf if x.type.dtype.is_float else np.iinfo(x.type.dtype.numpy).min
    read = c.where(c.constant(table >= 0), read, lowest)
    # A window of lowest elements must not find its padding: that is moved behind the pixels.
    order = np.argsort(table < 0, axis=1, kind="stable")
    if (order != np.arange(taps)).any():
        flat_order = order + taps * np.arange(windows)[:, None]
        read = c.reshape(read, (batch, channels, windows * taps))
        read = c.gather(read, c.constant(flat_order.astype(np.int64)), 2)
    winner = c.apply(ArgReduce("max", 3), read)
    first = c.constant((taps * np.arange(windows)).astype(np.int64))
    places = np.take_along_axis(table, order, 1)
    if call.integer("storage_order", 0):
        places = _down_columns(places, tuple(size))
    found = c.gather(c.constant(places.reshape(-1)), c.add(winner, first), 0)
    images = np.arange(batch * channels, dtype=np.int64).reshape(batch, channels, 1)
    found = c.add(found, c.constant(images * math.prod(size)))
    return c.cast(c.reshape(found, (batch, channels, *out)), DType.I64)


def tap_table(pool: MaxPool, size: tuple[int, ...], out: tuple[int, ...]) -> Array:
    """[windows, taps]: the flat place in the image of each tap; -1 in the padding."""
    spatial = len(size)
    places = np.zeros((1, 1), np.int64)
    inside = np.ones((1, 1), bool)
    for i in range(spatial):
        starts = np.arange(out[i]) * pool.strides[i] - pool.pads[i]
        at = starts[:, None] + np.arange(pool.kernel[i]) * pool.dilations[i]
        windows, taps = places.shape
        places = places[:, None, :, None] * size[i] + at[None, :, None, :]
        within = (at >= 0) & (at < size[i])
        inside = inside[:, None, :, None] & within[None, :, None, :]
        shape = (windows * out[i], taps * pool.kernel[i])
        places, inside = places.reshape(shape), inside.reshape(shape)
    return np.asarray(np.where(inside, places, -1))


def _down_columns(places: Array, size: tuple[int, ...]) -> Array:
    """Places that count along rows, as places that count the first dimension fastest."""
    coordinates = np.unravel_index(np.maximum(places, 0), size)
    return np.asarray(np.ravel_multi_index(coordinates[::-1], size[::-1]), np.int64)
