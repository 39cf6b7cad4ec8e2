"""The loops of a 2-D convolution of integers: copy a block, then panels, rows, tiles of pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.dot import integer_dot
from graphopt.schedules.cpu.emit import Buffer, Elements, Expr, Flat, T, count, kernel, loop, view
from graphopt.schedules.cpu.product import Operands, Segment, TileEmitter, block_range, within
from graphopt.schedules.cpu.staging_loops import Stager
from graphopt.schedules.cpu.tiling import Group, Panel

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.integer_conv2d_plan import IntegerConvPlan


def build_integer_conv(plan: IntegerConvPlan) -> PrimFunc:
    """The function of a planned convolution."""
    where, weights = plan.where, plan.weights
    packed = {
        where.input_index(where.anchor.inputs[1]): Flat(weights.elements, weights.stored.name)
    }

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
        _Emitter(plan, buffers, scratch).emit()

    return kernel(where.region, body, packed, plan.staging.bytes)


class _Emitter:
    def __init__(
        self, plan: IntegerConvPlan, buffers: Mapping[Value, Buffer], scratch: Buffer
    ) -> None:
        x, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.vertical, self.horizontal = plan.axes
        self.pixel = x.type.dims[-1]
        self.stager = Stager(plan.staging, buffers[x], scratch)
        starts = [buffers[value] for value in bias]
        if plan.weights.biased:
            starts.append(view(buffers[w], "int32"))
        elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)
        operands = Operands(self.stager.staged, buffers[w], tuple(starts))
        self.tiles = TileEmitter(
            elements, plan.where, integer_dot(plan.unit, plan.target), operands
        )

    def emit(self) -> None:
        plan, grid = self.plan, self.plan.grid
        with self.stager.workers(plan.target.threads) as (part, slot):
            image = T.floordiv(part, grid.count)
            block = T.floormod(part, grid.count)
            rows = block_range(T.floordiv(block, grid.panels.count), grid.rows)
            some = block_range(T.floormod(block, grid.panels.count), grid.panels)
            self.stager.image_rows(plan.axes, image, rows, slot, plan.op.pad_value)
            with loop(plan.op.groups) as group:
                for panel in plan.panels.shapes():
                    with count(*within(panel.group, *some)) as p, count(*rows) as y:
                        vector = panel.group.start + (p - panel.group.first) * panel.group.size
                        line = slot + (y - rows[0]) * self.vertical.stride * plan.line
                        row = image * self.vertical.axis.out + y
                        for strip in plan.strips:
                            with loop(strip.count) as t:
                                x = strip.start + t * strip.size
                                self._tile(group, panel, vector, strip, line, row, x)

    def _tile(
        self, group: Expr, panel: Panel, vector: Expr, strip: Group, line: Expr, row: Expr, x: Expr
    ) -> None:
        """The tile of pixels from `x` on in output row `row`, whose window starts in `line`."""
        plan, panels = self.plan, self.plan.panels
        column = group * panels.channels + vector * panels.lanes
        weights = plan.weights.first + group * panels.elements + vector * panels.vector_elements
        terms, steps = plan.unit.terms, plan.unit.steps(plan.run)
        wide = panel.group.size * panels.lanes * terms
        vertical, horizontal = self.vertical.axis, self.horizontal.axis
        runs = horizontal.kernel // plan.taps_per_run
        between = self.horizontal.stride * self.pixel
        sums = self.tiles.clear(strip.size, panel, column)
        with loop(vertical.kernel) as kh, loop(runs) as tap:
            start = (
                line
                + kh * vertical.dilation * plan.line
                + tap * horizontal.dilation * self.pixel
                + x * between
                + group * plan.channels
            )
            first = weights + (kh * runs + tap) * steps * wide
            segment = Segment(
                range(strip.size),
                steps,
                lambda i, k: start + i * between + k * terms,
                lambda k: first + k * wide,
            )
            self.tiles.accumulate(sums, panel.group.size, segment)
        self.tiles.finish(sums, strip.size, panel, row * horizontal.out + x, column)
