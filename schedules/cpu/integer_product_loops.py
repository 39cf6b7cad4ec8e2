"""The loops of a product of integers: copy a block of rows, then panels and register tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.dot import integer_dot
from graphopt.schedules.cpu.integer_weights_loops import WeightReader
from graphopt.schedules.cpu.matmul_loops import emit_tiles
from graphopt.schedules.cpu.product import Operands, TileEmitter, block_range, row_of
from graphopt.schedules.cpu.staging_loops import Stager
from graphopt.schedules.emit import Buffer, Elements, Flat, T, count, kernel

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.integer_product_plan import IntegerProductPlan


def build_integer_product(plan: IntegerProductPlan) -> PrimFunc:
    """The function of a planned product."""
    where, weights, product = plan.where, plan.weights, plan.product
    x, w, *bias = where.anchor.inputs

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
        stager = Stager(plan.staging, buffers[x], scratch)
        reader = WeightReader(weights, buffers[w], scratch, plan.staging.bytes)
        starts = (*(buffers[value] for value in bias), *reader.starts)
        elements = Elements(where.region, buffers, where.result.type.dims)
        operands = Operands(stager.staged, reader.buffer, starts)
        tiles = TileEmitter(elements, where, integer_dot(plan.unit, plan.target), operands)
        blocks, depth = product.grid.panels.count, product.panels.depth
        with stager.workers(plan.target.threads) as (part, worker):
            slot = worker * plan.staging.slot
            some = block_range(T.floordiv(part, blocks), product.grid.rows)
            first, last = (row_of(product.tiles, tile) for tile in some)
            with count(first, last) as row:
                stager.copy(row * depth, slot + (row - first) * depth, depth)
            emit_tiles(
                product,
                tiles,
                lambda row: slot + (row - first) * depth,
                lambda panel, vector: reader.panel(panel, vector, worker, T.int32(0)),
                T.int32(0),
                some,
                block_range(T.floormod(part, blocks), product.grid.panels),
            )

    flat = Flat(weights.elements, weights.stored.name)
    return kernel(where.region, body, {where.input_index(w): flat}, plan.scratch_bytes)
