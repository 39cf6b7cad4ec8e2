"""The loops of a 2-D convolution of integers: copy a block, then panels, rows, tiles of pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.dot import integer_dot
from graphopt.schedules.cpu.integer_weights_loops import WeightReader
from graphopt.schedules.cpu.product import Operands, Segment, TileEmitter, block_range, within
from graphopt.schedules.cpu.staging_loops import Stager
from graphopt.schedules.cpu.tiling import Group, Panel
from graphopt.schedules.emit import Buffer, Elements, Expr, Flat, T, count, kernel, loop

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

    return kernel(where.region, body, packed, plan.scratch_bytes)


@dataclass(frozen=True)
class _Place:
    """Where a tile lies: its channels, whose weights are at `weights`, and its pixels.

    They are those from `x` on of output row `row`, whose windows start in the row of the copied
    input at `line`.
    """

    group: Expr
    panel: Panel
    vector: Expr
    weights: Expr
    line: Expr
    row: Expr
    x: Expr


class _Emitter:
    def __init__(
        self, plan: IntegerConvPlan, buffers: Mapping[Value, Buffer], scratch: Buffer
    ) -> None:
        x, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.vertical, self.horizontal = plan.staged
        self.pixel = x.type.dims[-1]
        self.stager = Stager(plan.staging, buffers[x], scratch)
        self.reader = WeightReader(plan.weights, buffers[w], scratch, plan.staging.bytes)
        starts = (*(buffers[value] for value in bias), *self.reader.starts)
        elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)
        operands = Operands(self.stager.staged, self.reader.buffer, starts)
        self.tiles = TileEmitter(
            elements, plan.where, integer_dot(plan.unit, plan.target), operands
        )

    def emit(self) -> None:
        plan, grid = self.plan, self.plan.grid
        with self.stager.workers(plan.target.threads) as (part, worker):
            slot = worker * plan.staging.slot
            image = T.floordiv(part, grid.count)
            block = T.floormod(part, grid.count)
            rows = block_range(T.floordiv(block, grid.panels.count), grid.rows)
            some = block_range(T.floormod(block, grid.panels.count), grid.panels)
            self.stager.image_rows(plan.staged, image, rows, slot, plan.op.pad_value)
            with loop(plan.op.groups) as group:
                for panel in plan.panels.shapes():
                    with count(*within(panel.group, *some)) as p:
                        vector = panel.group.start + (p - panel.group.first) * panel.group.size
                        weights = self.reader.panel(panel, vector, worker, group)
                        with count(*rows) as y:
                            line = slot + (y - rows[0]) * self.vertical.stride * plan.line
                            row = image * self.vertical.axis.out + y
                            for strip in plan.strips:
                                with loop(strip.count) as t:
                                    x = strip.start + t * strip.size
                                    at = _Place(group, panel, vector, weights, line, row, x)
                                    self._tile(strip, at)

    def _tile(self, strip: Group, at: _Place) -> None:
        """One register tile of a strip."""
        plan, panels = self.plan, self.plan.panels
        panel = at.panel
        column = at.group * panels.channels + at.vector * panels.lanes
        terms, steps = plan.unit.terms, plan.unit.steps(plan.run)
        wide = panel.group.size * panels.lanes * terms
        vertical, horizontal = self.vertical.axis, self.horizontal.axis
        runs = horizontal.kernel // plan.taps_per_run
        between = self.horizontal.stride * self.pixel
        sums = self.tiles.clear(strip.size, panel, column)
        with loop(vertical.kernel) as kh, loop(runs) as tap:
            start = (
                at.line
                + kh * vertical.dilation * plan.line
                + tap * horizontal.dilation * self.pixel
                + at.x * between
                + at.group * plan.channels
            )
            first = at.weights + (kh * runs + tap) * steps * wide
            segment = Segment(
                range(strip.size),
                steps,
                lambda i, k: start + i * between + k * terms,
                lambda k: first + k * wide,
            )
            self.tiles.accumulate(sums, panel.group.size, segment)
        self.tiles.finish(sums, strip.size, panel, at.row * horizontal.out + at.x, column)
