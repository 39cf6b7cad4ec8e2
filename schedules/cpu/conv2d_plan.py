"""The geometry of a 2-D convolution and how it is cut into panels and tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphopt.ir import Array
from graphopt.schedules.cpu.conv_geometry import ConvGeometry
from graphopt.schedules.cpu.tiling import Grid, Panels, choose_grid, choose_tile
from graphopt.schedules.cpu.unit import float_unit
from graphopt.schedules.cpu.window import Strip, strips


@dataclass(frozen=True)
class ConvPlan(ConvGeometry):
    """The geometry of one convolution and how it is cut."""

    @cached_property
    def panels(self) -> Panels:
        vertical, horizontal = self.axes
        outs = self.where.result.type.dims[-1] // self.op.groups
        depth = vertical.kernel * horizontal.kernel * self.channels
        unit = float_unit(self.target)
        vectors = -(-outs // unit.lanes)
        tile = choose_tile(unit, self.rows, vectors, depth)
        return Panels(outs, depth, tile.vectors, unit)

    @property
    def rows(self) -> int:
        """How many pixels a register tile may be cut from."""
        _, _, w, _ = self.where.result.type.dims
        return w

    @cached_property
    def strips(self) -> tuple[Strip, ...]:
        unit = float_unit(self.target)
        tile = choose_tile(unit, self.rows, self.panels.vectors, self.panels.depth)
        return strips(self.axes[1], tile.rows)

    @cached_property
    def grid(self) -> Grid:
        x = self.where.anchor.inputs[0].type
        n, rows, _, _ = self.where.result.type.dims
        return choose_grid(
            self.target, rows, x.nbytes // (n * rows), self.panels.count, self.panels.bytes
        )

    def pack(self, weights: Array) -> Array:
        """[O, I/groups, kh, kw] to panels whose depth runs over kh, kw, channels."""
        groups = np.split(weights, self.op.groups)
        depth = self.panels.depth
        return np.concatenate(
            [self.panels.pack(g.transpose(2, 3, 1, 0).reshape(depth, -1)) for g in groups]
        )
