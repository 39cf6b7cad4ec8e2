"""The loops of Winograd's algorithm for integers: transform, multiply point by point, transform."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.lower.lanes import cast, const
from graphopt.schedules.cpu.dot import integer_dot
from graphopt.schedules.cpu.product import (
    Operands,
    Segment,
    TileEmitter,
    block_range,
    row_of,
    within,
)
from graphopt.schedules.cpu.staging_loops import Stager
from graphopt.schedules.cpu.tiling import Panel
from graphopt.schedules.cpu.winograd_plan import INPUTS, OUTPUTS, POINTS, TAPS, WinogradPlan
from graphopt.schedules.cpu.winograd_transforms import both_ways, of_inputs, of_sums, of_weights
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    Flat,
    Registers,
    T,
    channel_vectors,
    count,
    kernel,
    load,
    loop,
    store,
    view,
)

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


def build_winograd(plan: WinogradPlan) -> PrimFunc:
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
        self, plan: WinogradPlan, buffers: Mapping[Value, Buffer], scratch: Buffer
    ) -> None:
        x, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.stager = Stager(plan.staging, buffers[x], scratch)
        self.memory = self.stager.staged
        self.sums = view(scratch, "int32")
        self.weights = buffers[w]
        elements = Elements(plan.where.region, buffers, plan.where.result.type.dims)
        operands = Operands(self.memory, self.memory, tuple(buffers[value] for value in bias))
        self.tiles = TileEmitter(
            elements, plan.where, integer_dot(plan.unit, plan.target), operands
        )

    def emit(self) -> None:
        plan, grid = self.plan, self.plan.grid
        with self.stager.workers(plan.target.threads) as (part, worker):
            slot = worker * plan.staging.slot
            image = T.floordiv(part, grid.count)
            block = T.floormod(part, grid.count)
            first = T.floordiv(block, grid.panels.count) * grid.rows.size
            some = block_range(T.floormod(block, grid.panels.count), grid.panels)
            rows = OUTPUTS * first, OUTPUTS * (first + grid.rows.size)
            self.stager.image_rows(plan.staged, image, rows, slot, plan.op.pad_value)
            self._transform_inputs(slot)
            for panel in plan.panels.shapes():
                with count(*within(panel.group, *some)) as p:
                    vector = panel.group.start + (p - panel.group.first) * panel.group.size
                    self._transform_weights(slot, panel, vector)
                    with loop(plan.chunks.count) as chunk:
                        parts = block_range(chunk, plan.chunks)
                        tiles = row_of(plan.groups, parts[0]), row_of(plan.groups, parts[1])
                        self._multiply(slot, panel, parts, tiles[0])
                        self._outputs(slot, panel, tiles, vector, image, first)

    def _transform_inputs(self, slot: Expr) -> None:
        plan = self.plan
        channels = plan.channels
        with loop(plan.grid.rows.size) as row, loop(plan.columns) as column:
            corner = slot + OUTPUTS * (row * plan.line + column * channels)
            tile = slot + plan.inputs_at + (row * plan.columns + column) * channels

            def transform(channel: Expr, lanes: int) -> None:
                square = [
                    [
                        load(self.memory, corner + i * plan.line + j * channels + channel, lanes)
                        for j in range(INPUTS)
                    ]
                    for i in range(INPUTS)
                ]
                points = [each for line in both_ways(of_inputs, square) for each in line]
                for point, value in enumerate(points):
                    to = tile + point * plan.point_inputs + channel
                    store(self.memory, to, value, lanes)

            channel_vectors(channels, plan.staging.lanes, transform)

    def _transform_weights(self, slot: Expr, panel: Panel, vector: Expr) -> None:
        """Transform the weights of one panel, a vector of them after the other."""
        plan = self.plan
        lanes = plan.unit.lanes * plan.unit.terms
        size = plan.steps * panel.group.size
        start = vector * plan.panels.vector_elements
        with loop(size) as part:
            taps = [
                cast(load(self.weights, start + (tap * size + part) * lanes, lanes), "int16")
                for tap in range(TAPS)
            ]
            square = [taps[3 * i : 3 * i + 3] for i in range(3)]
            points = [each for line in both_ways(of_weights, square) for each in line]
            for point, value in enumerate(points):
                to = slot + plan.weights_at + point * plan.point_weights + part * lanes
                store(self.memory, to, value, lanes)

    def _multiply(
        self, slot: Expr, panel: Panel, some: tuple[Expr, Expr], first_tile: Expr
    ) -> None:
        """Sum the products of each point over the channels, for the tiles of one chunk."""
        plan = self.plan
        channels, terms, lanes = plan.channels, plan.unit.terms, plan.unit.lanes
        vectors = panel.group.size
        wide = vectors * lanes * terms
        with loop(POINTS) as point:
            inputs = slot + plan.inputs_at + point * plan.point_inputs
            weights = slot + plan.weights_at + point * plan.point_weights
            waiting = self._sums(slot) + point * (plan.waiting * vectors * lanes)
            for group in plan.groups:
                with count(*within(group, *some)) as g:
                    tile = group.start + (g - group.first) * group.size
                    start = inputs + tile * channels
                    sums = self.tiles.zeros(group.size * vectors)
                    segment = Segment(
                        range(group.size),
                        plan.steps,
                        partial(_element, start, channels, terms),
                        partial(_weight, weights, wide),
                    )
                    self.tiles.accumulate(sums, vectors, segment)
                    to = waiting + (tile - first_tile) * (vectors * lanes)
                    for number in range(group.size * vectors):
                        store(self.sums, to + number * lanes, sums.get(number), lanes)

    def _sums(self, slot: Expr) -> Expr:
        return T.floordiv(slot, 2) + self.plan.sums_at // 2

    def _outputs(
        self,
        slot: Expr,
        panel: Panel,
        tiles: tuple[Expr, Expr],
        vector: Expr,
        image: Expr,
        first: Expr,
    ) -> None:
        """Transform the sums of some tiles, apply the elementwise nodes, and store."""
        plan = self.plan
        lanes, vectors = plan.unit.lanes, panel.group.size
        stride = plan.waiting * vectors * lanes
        with count(*tiles) as tile:
            row = OUTPUTS * (first + T.floordiv(tile, plan.columns))
            column = OUTPUTS * T.floormod(tile, plan.columns)

            def place(j: Expr, width: int) -> None:
                start = self._sums(slot) + ((tile - tiles[0]) * vectors + j) * lanes
                square = [
                    [
                        load(self.sums, start + (INPUTS * a + b) * stride, width)
                        for b in range(INPUTS)
                    ]
                    for a in range(INPUTS)
                ]
                kept = Registers(OUTPUTS * OUTPUTS, width, "int32")
                for a, line in enumerate(both_ways(of_sums, square)):
                    for b, total in enumerate(line):
                        kept.set(a * OUTPUTS + b, total >> const(2, total))
                channel = (vector + j) * lanes
                with loop(OUTPUTS) as a, loop(OUTPUTS) as b:
                    self._pixel(
                        kept.get(a * OUTPUTS + b), image, row + a, column + b, channel, width
                    )

            self.tiles.each_vector(panel, place)

    def _pixel(
        self, total: Expr, image: Expr, row: Expr, column: Expr, channel: Expr, lanes: int
    ) -> None:
        vertical, horizontal = self.plan.axes
        covered = [staged.axis.out for staged in self.plan.staged]
        at = (image * vertical.out + row) * horizontal.out + column
        if covered == [vertical.out, horizontal.out]:
            self.tiles.start_and_store(total, at, channel, lanes)
            return
        with T.If(T.And(row < vertical.out, column < horizontal.out)), T.Then():
            self.tiles.start_and_store(total, at, channel, lanes)


def _element(start: Expr, channels: int, terms: int, i: int, k: Expr) -> Expr:
    return start + i * channels + k * terms


def _weight(start: Expr, wide: int, k: Expr) -> Expr:
    return start + k * wide
