"""The loops of a product with a packed matrix: row blocks, panels, register tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.dot import FloatDot
from graphopt.schedules.cpu.product import (
    Operands,
    Segment,
    TileEmitter,
    block_range,
    within,
)
from graphopt.schedules.cpu.tiling import Panel
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    Flat,
    T,
    count,
    kernel,
    outer_loop,
)

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.product_plan import ProductPlan


def build_product(plan: ProductPlan) -> PrimFunc:
    """The function of a planned product."""
    where = plan.where
    a, b, *bias = where.anchor.inputs

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
        elements = Elements(where.region, buffers, where.result.type.dims)
        starts = tuple(buffers[value] for value in bias)
        operands = Operands(buffers[a], buffers[b], starts)
        tiles = TileEmitter(elements, where, FloatDot(plan.panels.unit), operands)
        blocks = plan.grid.panels.count
        with outer_loop(plan.grid.count, plan.threads) as outer:
            emit_tiles(
                plan,
                tiles,
                lambda row: row * plan.panels.depth,
                lambda panel, vector: vector * plan.panels.vector_elements,
                T.int32(0),
                block_range(T.floordiv(outer, blocks), plan.grid.rows),
                block_range(T.floormod(outer, blocks), plan.grid.panels),
            )

    packed = {where.input_index(b): Flat(plan.panels.elements, "float32")}
    return kernel(where.region, body, packed)


def emit_tiles(
    plan: ProductPlan,
    tiles: TileEmitter,
    start: Callable[[Expr], Expr],
    weights: Callable[[Panel, Expr], Expr],
    first_row: Expr,
    some_tiles: tuple[Expr, Expr] | None = None,
    some_panels: tuple[Expr, Expr] | None = None,
) -> None:
    """Emit the register tiles of a product, all or those in two ranges.

    `start(row)` is the offset of a row of the first matrix, `weights(panel, vector)` that of the
    panel of the second one that starts with a vector of columns, `first_row` the row of the output
    that row 0 belongs to.
    """
    panels = plan.panels
    terms = panels.unit.terms
    every_tile = T.int32(0), T.int32(plan.tiles[-1].end)
    every_panel = T.int32(0), T.int32(panels.count)
    for panel in panels.shapes():
        with count(*within(panel.group, *(some_panels or every_panel))) as p:
            vector = panel.group.start + (p - panel.group.first) * panel.group.size
            column = vector * panels.lanes
            wide = panel.group.size * panels.lanes * terms
            first_weight = weights(panel, vector)
            for group in plan.tiles:
                with count(*within(group, *(some_tiles or every_tile))) as t:
                    row = group.start + (t - group.first) * group.size
                    sums = tiles.clear(group.size, panel, column)
                    segment = Segment(
                        range(group.size),
                        panels.unit.steps(panels.depth),
                        partial(_element, start, row, terms),
                        partial(_weight, first_weight, wide),
                    )
                    tiles.accumulate(sums, panel.group.size, segment)
                    tiles.finish(sums, group.size, panel, first_row + row, column)


def _element(start: Callable[[Expr], Expr], row: Expr, terms: int, i: int, k: Expr) -> Expr:
    return start(row + i) + k * terms


def _weight(start: Expr, wide: int, k: Expr) -> Expr:
    return start + k * wide
