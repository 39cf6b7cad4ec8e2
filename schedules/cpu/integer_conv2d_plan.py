"""How a 2-D convolution of integers is cut: its input is copied with padding, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from graphopt.ir import Array
from graphopt.schedules.cpu.conv_geometry import ConvGeometry
from graphopt.schedules.cpu.integer_weights import IntegerWeights
from graphopt.schedules.cpu.staging import StagedAxis, Staging
from graphopt.schedules.cpu.tiling import (
    Blocks,
    Grid,
    Group,
    Panels,
    choose_grid,
    choose_tile,
    split,
)
from graphopt.schedules.cpu.unit import VectorUnit


@dataclass(frozen=True)
class IntegerConvPlan(ConvGeometry):
    """The geometry of one convolution and how it is cut.

    A window is `runs` runs of products of neighbouring elements of the copied input: one run for
    each kernel row where its taps are neighbours, else one for each tap.
    """

    unit: VectorUnit

    @cached_property
    def staged(self) -> tuple[StagedAxis, StagedAxis]:
        """The axes of the copied input."""
        vertical, horizontal = self.axes
        return StagedAxis(vertical), StagedAxis(horizontal)

    @property
    def line(self) -> int:
        """The elements of a row of the copied input."""
        horizontal = self.staged[1]
        return horizontal.length(horizontal.axis.out) * self.where.anchor.inputs[0].type.dims[-1]

    @property
    def taps_per_run(self) -> int:
        kernel = self.staged[1].axis
        return kernel.kernel if kernel.dilation == 1 and self.op.groups == 1 else 1

    @property
    def run(self) -> int:
        """The products of a run."""
        return self.taps_per_run * self.channels

    @cached_property
    def panels(self) -> Panels:
        vertical, horizontal = self.staged
        outs = self.where.result.type.dims[-1] // self.op.groups
        runs = vertical.axis.kernel * horizontal.axis.kernel // self.taps_per_run
        depth = runs * self.unit.steps(self.run) * self.unit.terms
        tile = choose_tile(self.unit, horizontal.axis.out, -(-outs // self.unit.lanes), depth)
        itemsize = self.where.anchor.inputs[1].type.dtype.itemsize
        return Panels(outs, depth, tile.vectors, self.unit, itemsize)

    @cached_property
    def strips(self) -> tuple[Group, ...]:
        """The pixels of a row, cut into tiles."""
        out = self.staged[1].axis.out
        tile = choose_tile(self.unit, out, self.panels.vectors, self.panels.depth)
        return split(out, tile.rows)

    @cached_property
    def grid(self) -> Grid:
        vertical = self.staged[0]
        row_bytes = self.line * vertical.stride * self.unit.operand_bytes
        return choose_grid(
            self.target, vertical.axis.out, row_bytes, self.panels.count, self.panels.bytes
        )

    @cached_property
    def staging(self) -> Staging:
        x = self.where.anchor.inputs[0].type
        parts = x.dims[0] * self.grid.count
        return Staging(
            self.unit,
            x,
            self.staged[0].length(self.grid.rows.size) * self.line,
            self.target.vector_bytes,
            Blocks(parts, -(-parts // self.target.threads)),
        )

    @cached_property
    def weights(self) -> IntegerWeights:
        dtype = self.where.anchor.inputs[1].type.dtype
        return IntegerWeights(self.panels, self.op.groups, dtype, self.staging.bias)

    @property
    def scratch_bytes(self) -> int:
        return self.staging.bytes + self.weights.room * self.staging.work.count

    def pack(self, weights: Array) -> Array:
        """[O, I/groups, kh, kw] to panels whose depth runs over kh, kw, channels."""
        return self.weights.pack_runs(weights, self.run)
