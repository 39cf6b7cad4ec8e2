"""The loops of a 2-D convolution: row blocks, panels of output channels, rows, tiles of pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphopt.ir import Value
from graphopt.schedules.cpu.dot import FloatDot
from graphopt.schedules.cpu.product import (
    Operands,
    Segment,
    TileEmitter,
    block_range,
    tap_range,
    within,
)
from graphopt.schedules.cpu.tiling import Panel
from graphopt.schedules.cpu.window import Stretch, Strip, stretches
from graphopt.schedules.emit import (
    Buffer,
    Elements,
    Expr,
    Flat,
    Registers,
    T,
    count,
    kernel,
    loop,
    outer_loop,
)

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.conv2d_plan import ConvPlan


def build_conv(plan: ConvPlan) -> PrimFunc:
    """The function of a planned convolution."""
    where = plan.where
    weights = where.input_index(where.anchor.inputs[1])
    packed = {weights: Flat(plan.panels.elements * plan.op.groups, "float32")}

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
        _ConvEmitter(plan, buffers).emit()

    return kernel(where.region, body, packed)


class _ConvEmitter:
    def __init__(self, plan: ConvPlan, buffers: Mapping[Value, Buffer]) -> None:
        x, w, *bias = plan.where.anchor.inputs
        self.plan = plan
        self.vertical, self.horizontal = plan.axes
        self.batch = x.type.dims[0]
        self.pixel_elements = x.type.dims[-1]
        shape = plan.where.result.type.dims
        elements = Elements(plan.where.region, buffers, shape)
        operands = Operands(buffers[x], buffers[w], tuple(buffers[value] for value in bias))
        self.tiles = TileEmitter(elements, plan.where, FloatDot(plan.panels.unit), operands)

    def emit(self) -> None:
        grid = self.plan.grid
        with outer_loop(self.batch * grid.count, self.plan.target.threads) as outer:
            image = T.floordiv(outer, grid.count)
            block = T.floormod(outer, grid.count)
            rows = block_range(T.floordiv(block, grid.panels.count), grid.rows)
            some = block_range(T.floormod(block, grid.panels.count), grid.panels)
            with loop(self.plan.op.groups) as group:
                for panel in self.plan.panels.shapes():
                    with count(*within(panel.group, *some)) as p, count(*rows) as y:
                        vector = panel.group.start + (p - panel.group.first) * panel.group.size
                        for strip in self.plan.strips:
                            with loop(strip.count) as t:
                                x = strip.start + t * strip.size
                                self._tile(group, panel, vector, image, y, strip, x)

    def _tile(
        self,
        group: Expr,
        panel: Panel,
        vector: Expr,
        image: Expr,
        y: Expr,
        strip: Strip,
        x: Expr,
    ) -> None:
        panels = self.plan.panels
        column = group * panels.channels + vector * panels.lanes
        weights = group * panels.elements + vector * (panels.lanes * panels.depth)
        sums = self.tiles.clear(strip.size, panel, column)
        with count(*tap_range(self.vertical, y)) as kh:
            top = y * self.vertical.stride - self.vertical.pad + kh * self.vertical.dilation
            line = (image * self.vertical.size + top) * self.horizontal.size
            left = line + x * self.horizontal.stride - self.horizontal.pad
            for stretch in stretches(self.horizontal, strip):
                self._stretch(sums, panel.group.size, stretch, left, kh, weights, group)
        row = (image * self.vertical.out + y) * self.horizontal.out
        self.tiles.finish(sums, strip.size, panel, row + x, column)

    def _stretch(
        self,
        sums: Registers,
        vectors: int,
        stretch: Stretch,
        left: Expr,
        kh: Expr,
        weights: Expr,
        group: Expr,
    ) -> None:
        """Sum the taps of a stretch in kernel row `kh`; `left` is the first row's first pixel."""
        channels = self.plan.channels
        wide = vectors * self.plan.panels.lanes

        def segment(tap: Expr, depth: int) -> Segment:
            pixel = left + tap * self.horizontal.dilation
            below = (kh * self.horizontal.kernel + tap) * channels

            def element(i: int, k: Expr) -> Expr:
                at = pixel + i * self.horizontal.stride
                return at * self.pixel_elements + group * channels + k

            return Segment(stretch.rows, depth, element, lambda k: weights + (below + k) * wide)

        if self.horizontal.dilation == 1 and self.plan.op.groups == 1:
            # Neighbouring pixels are contiguous: all taps are one sum.
            depth = (stretch.last - stretch.first) * channels
            self.tiles.accumulate(sums, vectors, segment(T.int32(stretch.first), depth))
        else:
            with count(stretch.first, stretch.last) as tap:
                self.tiles.accumulate(sums, vectors, segment(tap, channels))
