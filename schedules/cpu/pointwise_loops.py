"""The loops of elementwise regions."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphopt.ir import Graph, Value
from graphopt.schedules.cpu.product import block_range
from graphopt.schedules.cpu.tiling import Blocks
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    FlatElements,
    T,
    channel_vectors,
    count,
    outer_loop,
)

# Shorter vectors than this are not worth code of their own.
SHORT = 8


def _narrower(lanes: int) -> list[int]:
    return [lanes >> i for i in range(1, 4) if lanes >> i >= SHORT]


def emit_flat(region: Graph, buffers: Mapping[Value, Buffer], lanes: int, threads: int) -> None:
    """All operands have the output's shape or one element: one long row."""
    total = region.outputs[0].type.elements
    elements = FlatElements(region, buffers, total)
    zero = T.int32(0)
    vectors = total // lanes
    if vectors:
        work = Blocks(vectors, -(-vectors // threads))
        with outer_loop(work.count, threads) as block, count(*block_range(block, work)) as vector:
            elements.store_outputs({}, zero, vector * lanes, lanes)

    def rest(position: Expr, some: int) -> None:
        elements.store_outputs({}, zero, vectors * lanes + position, some)

    channel_vectors(total - vectors * lanes, lanes, rest, *_narrower(lanes))


def emit_rows(region: Graph, buffers: Mapping[Value, Buffer], lanes: int, threads: int) -> None:
    """Rows along the last dimension, to which operands are broadcast."""
    shape = region.outputs[0].type.dims
    elements = Elements(region, buffers, shape)
    with outer_loop(math.prod(shape[:-1]), threads) as row:

        def vector(column: Expr, some: int) -> None:
            elements.store_outputs({}, row, column, some)

        channel_vectors(shape[-1], lanes, vector, *_narrower(lanes))
