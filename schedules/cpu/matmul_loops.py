"""The loops of a product with a packed matrix: row blocks, panels, register tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.emit import Buffer, Elements, Expr, T, count, kernel, outer_loop
from graphopt.schedules.cpu.product import Segment, TileEmitter, block_range, within
from graphopt.schedules.cpu.tiling import Panel

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.product_plan import ProductPlan


def build_product(plan: ProductPlan) -> PrimFunc:
    """The function of a planned product."""
    where, panels = plan.where, plan.panels
    a, b, *bias = where.anchor.inputs

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
        elements = Elements(where.region, buffers, where.result.type.dims)
        bias_value = bias[0] if bias else None
        emitter = TileEmitter(elements, where.anchor, buffers[b], panels.lanes, bias_value)

        def tile(row: Expr, rows: int, vector: Expr, panel: Panel) -> None:
            column = vector * panels.lanes
            wide = panel.group.size * panels.lanes
            sums = emitter.clear(rows, panel, column)
            segment = Segment(
                range(rows),
                panels.depth,
                lambda i, k: buffers[a][(row + i) * panels.depth + k],
                lambda k: column * panels.depth + k * wide,
            )
            emitter.accumulate(sums, panel.group.size, segment)
            emitter.finish(sums, rows, panel, row, column)

        with outer_loop(plan.grid.count, plan.threads) as outer:
            some_tiles = block_range(T.floordiv(outer, plan.grid.panels.count), plan.grid.rows)
            some_panels = block_range(T.floormod(outer, plan.grid.panels.count), plan.grid.panels)
            for panel in panels.shapes():
                with count(*within(panel.group, *some_panels)) as p:
                    for group in plan.tiles:
                        with count(*within(group, *some_tiles)) as t:
                            row = group.start + (t - group.first) * group.size
                            vector = panel.group.start + (p - panel.group.first) * panel.group.size
                            tile(row, group.size, vector, panel)

    return kernel(where.region, body, {where.input_index(b): panels.elements})
