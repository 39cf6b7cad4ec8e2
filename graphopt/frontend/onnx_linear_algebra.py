"""Determinants."""

from __future__ import annotations

import math

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import Value
from graphopt.ops import Abs, ArgReduce, Equal, GatherElements

# Each elimination step is written out.
MAX_SIZE = 32


def det(call: Call) -> Value:
    """Det: the product of the pivots of Gaussian elimination, the largest of a column first."""
    c = Compose(call.builder)
    x = call.input(0)
    *batch, rows, size = x.type.dims if x.type.rank > 1 else (0, 1)
    if rows != size or not 1 <= size <= MAX_SIZE:
        raise call.unsupported(
            f"x: expected square matrices of at most {MAX_SIZE} rows, found {x.type}"
        )
    count = math.prod(batch)
    rest = c.reshape(x, (count, size, size))
    result: Value | None = None
    for left in range(size, 0, -1):
        column = c.slice(rest, 2, 0, 1)
        at = c.apply(ArgReduce("max", 1, keepdims=True), c.apply(Abs(), column))
        top = c.apply(GatherElements(1), rest, c.expand(at, (count, 1, left)))
        pivot = c.slice(top, 2, 0, 1)
        factor = c.where(c.apply(Equal(), at, c.scalar(0, at.type.dtype)), pivot, c.mul(pivot, -1))
        result = factor if result is None else c.mul(result, factor)
        if left == 1:
            break
        # The first row takes the place of the pivot's; a zero pivot makes the product zero.
        places = c.constant(np.arange(left, dtype=np.int64).reshape(1, left, 1))
        swapped = c.where(c.apply(Equal(), places, at), c.slice(rest, 1, 0, 1), rest)
        divisor = c.where(c.apply(Equal(), pivot, c.scalar(0, pivot.type.dtype)), 1, pivot)
        below = c.slice(swapped, 1, 1, left - 1)
        weights = c.div(c.slice(below, 2, 0, 1), divisor)
        rest = c.sub(c.slice(below, 2, 1, left - 1), c.mul(weights, c.slice(top, 2, 1, left - 1)))
    assert result is not None
    return c.reshape(result, tuple(batch))


IMPORTERS: dict[str, Import] = {"Det": det}
