"""Operators that place elements by index, and those whose result's shape depends on data."""

from __future__ import annotations

import math

import numpy as np

from graphopt.frontend.builder import Operand
from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.fallback import keep
from graphopt.frontend.windowed import window
from graphopt.ir import DType, Value
from graphopt.ops import ConvTranspose, Mod, Mul, Pad, ScatterElements
from graphopt.ops.window import output_size


def tensor_scatter(call: Call) -> Value:
    """TensorScatter: an update written into a cache, from an index of each batch row on."""
    c = Compose(call.builder)
    cache, update = call.input(0), call.input(1)
    rank = cache.type.rank
    axis = call.integer("axis", -2) % rank
    steps = np.arange(update.type.dims[axis], dtype=np.int64)
    at = c.constant(steps.reshape([-1 if i == axis else 1 for i in range(rank)]))
    if call.has(2):
        start = c.cast(call.input(2), DType.I64)
        at = c.add(at, c.reshape(start, (cache.type.dims[0], *(1,) * (rank - 1))))
    if call.string("mode", "linear") == "circular":
        at = c.binary(Mod(), at, cache.type.dims[axis])
    at = c.expand(at, update.type.dims)
    return c.apply(ScatterElements(axis), cache, at, update)


def max_unpool(call: Call) -> Value:
    """MaxUnpool: each element put back where MaxPool found it, zeros elsewhere."""
    c = Compose(call.builder)
    x, indices = call.input(0), call.input(1)
    kernel = call.integers("kernel_shape")
    spatial = len(kernel)
    strides = call.integers("strides", (1,) * spatial)
    pads = call.integers("pads", (0,) * 2 * spatial)
    size = [
        (n - 1) * s - pads[i] - pads[spatial + i] + k
        for i, (n, s, k) in enumerate(zip(x.type.dims[2:], strides, kernel, strict=True))
    ]
    inferred = (*x.type.dims[:2], *size)
    zeros = c.constant(np.zeros(math.prod(inferred), x.type.dtype.numpy))
    count = x.type.elements
    at, flat = c.reshape(indices, (count,)), c.reshape(x, (count,))
    y = c.reshape(c.apply(ScatterElements(0), zeros, at, flat), inferred)
    if not call.has(2):
        return y
    shape = call.known_ints(2, "output_shape")
    if len(shape) != len(inferred) or any(a < b for a, b in zip(shape, inferred, strict=True)):
        raise call.invalid(f"output_shape: expected at least {inferred}, found {shape}")
    ends = tuple(a - b for a, b in zip(shape, inferred, strict=True))
    return y if not any(ends) else c.apply(Pad((0,) * len(shape) + ends), y)


def col2im(call: Call) -> Value:
    """Col2Im: columns added up where windows overlap, which is a transposed convolution."""
    c = Compose(call.builder)
    x = call.ranked(0, 3)
    size, kernel = call.known_ints(1, "image_shape"), call.known_ints(2, "block_shape")
    at = window(call, size, kernel)
    batch, rows, _ = x.type.dims
    taps, spatial = math.prod(kernel), len(kernel)
    channels = rows // taps
    blocks = output_size("Col2Im", size, kernel, at.strides, at.pads, at.dilations)
    image = c.reshape(x, (batch, rows, *blocks))
    weights = np.tile(np.eye(taps), (channels, 1)).reshape(rows, 1, *kernel)
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(blocks, at.strides, kernel, at.dilations, strict=True)
    ]
    # Pixels that no window reaches, at the end, come out as zeros.
    extra = [
        n + at.pads[i] + at.pads[spatial + i] - f
        for i, (n, f) in enumerate(zip(size, full, strict=True))
    ]
    op = ConvTranspose(at.strides, at.pads, at.dilations, tuple(extra), channels)
    return c.apply(op, image, c.constant(weights.astype(x.type.dtype.numpy)))


def cum_prod(call: Call) -> Value:
    """CumProd, by doubling: after step k each element holds the product of 2^k of them."""
    c = Compose(call.builder)
    x = call.input(0)
    axis = int(call.known(1, "axis").reshape(-1)[0]) % x.type.rank
    size = x.type.dims[axis]
    reverse = bool(call.integer("reverse", 0))
    if call.integer("exclusive", 0):
        x = _shifted(c, x, axis, 1, reverse)
    reach = 1
    while reach < size:
        x = c.apply(Mul(), x, _shifted(c, x, axis, reach, reverse))
        reach *= 2
    return x


def _shifted(c: Compose, x: Value, axis: int, by: int, reverse: bool) -> Value:
    """x moved along an axis, ones moving in."""
    begin, end = (-by, by) if reverse else (by, -by)
    pads = [0] * (2 * x.type.rank)
    pads[axis], pads[x.type.rank + axis] = begin, end
    return c.apply(Pad(tuple(pads), value=1), x)


def data_dependent(call: Call) -> tuple[Operand, ...]:
    """Operators whose output shape depends on the data: only with known inputs."""
    for value in call.tensors_given():
        if call.builder.array(value) is None:
            raise call.not_constant(value, "input that decides the shape of the result")
    return keep(call)


IMPORTERS: dict[str, Import] = {
    "Col2Im": col2im,
    "CumProd": cum_prod,
    "MaxUnpool": max_unpool,
    "NonMaxSuppression": data_dependent,
    "TensorScatter": tensor_scatter,
    "Unique": data_dependent,
}
