"""How a 3x3 convolution of integers is cut into the tiles of Winograd's algorithm.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (arXiv 1509.09308): F(2x2, 3x3)
computes 2x2 outputs by 16 products for each channel instead of 36. Its weights are multiples of
1/4; taken times 4 they are integers, and so are all sums, which are exactly 4 times the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

OUTPUTS = 2
INPUTS = 4
POINTS = INPUTS * INPUTS
TAPS = 9
# The sums, 4 times the outputs, have to fit 32 bits: so many channels of 8-bit numbers do.
MAX_CHANNELS = 2**31 // (4 * TAPS * 255 * 128)
# Transformed inputs are read in order, point by point: they need not stay in a cache for long, and
# small blocks transform the weights anew and compute tiles beyond the image.
CACHE_SHARE = 1.0
# Tiles whose sums wait to be transformed back: the weights of a point serve all of them in turn.
TILES_TOGETHER = 24
# Cycles for each element that is transformed, beside its products: estimated from instructions.
PER_INPUT = 1.5
PER_OUTPUT = 3.0
PER_WEIGHT = 1.2


@dataclass(frozen=True)
class WinogradPlan(ConvGeometry):
    """The geometry of one convolution and how it is cut.

    A tile is 2x2 outputs; `rows` and `columns` count tiles. A block is some rows of tiles, all of
    them computed, also those beyond the image.
    """

    unit: VectorUnit

    @property
    def rows(self) -> int:
        return -(-self.axes[0].out // OUTPUTS)

    @property
    def columns(self) -> int:
        return -(-self.axes[1].out // OUTPUTS)

    @property
    def steps(self) -> int:
        """The steps that sum over the input channels."""
        return self.unit.steps(self.channels)

    @cached_property
    def panels(self) -> Panels:
        w = self.where.anchor.inputs[1].type
        vectors = -(-w.dims[0] // self.unit.lanes)
        tile = choose_tile(self.unit, self.rows * self.columns, vectors, self.channels)
        depth = TAPS * self.steps * self.unit.terms
        return Panels(w.dims[0], depth, tile.vectors, self.unit, w.dtype.itemsize)

    @cached_property
    def grid(self) -> Grid:
        row_bytes = self.columns * POINTS * self.channels * self.unit.operand_bytes
        return choose_grid(
            self.target, self.rows, row_bytes, self.panels.count, self.panels.bytes, CACHE_SHARE
        )

    @property
    def tiles(self) -> int:
        """The tiles of a block."""
        return self.grid.rows.size * self.columns

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The tiles of a block, cut into those that are in registers together."""
        tile = choose_tile(self.unit, self.tiles, self.panels.vectors, self.channels)
        return split(self.tiles, tile.rows)

    @cached_property
    def chunks(self) -> Blocks:
        """The register tiles of a block, cut into chunks whose sums wait together."""
        total = self.groups[-1].end
        return Blocks(total, min(total, max(1, TILES_TOGETHER // self.groups[0].size)))

    @property
    def waiting(self) -> int:
        """The most tiles in a chunk."""
        return self.chunks.size * self.groups[0].size

    @cached_property
    def staged(self) -> tuple[StagedAxis, StagedAxis]:
        """The axes with whole blocks of tiles."""
        vertical, horizontal = self.axes
        all_rows = self.grid.rows.count * self.grid.rows.size
        return (
            StagedAxis(replace(vertical, out=OUTPUTS * all_rows)),
            StagedAxis(replace(horizontal, out=OUTPUTS * self.columns)),
        )

    @property
    def line(self) -> int:
        """The elements of a row of the copied input."""
        horizontal = self.staged[1]
        return horizontal.length(horizontal.axis.out) * self.channels

    @property
    def point_inputs(self) -> int:
        """How far the transformed inputs of neighbouring points are apart."""
        return self._scattered(self.tiles * self.channels)

    @property
    def point_weights(self) -> int:
        """How far the transformed weights of neighbouring points are apart."""
        vectors = min(self.panels.most_vectors, self.panels.vectors)
        return self._scattered(self.steps * vectors * self.unit.lanes * self.unit.terms)

    @property
    def inputs_at(self) -> int:
        """Where the transformed inputs lie, [points][tiles][channels], in a worker's memory."""
        size = self.staged[0].length(OUTPUTS * self.grid.rows.size) * self.line
        return self._aligned(size)

    @property
    def weights_at(self) -> int:
        """Where the transformed weights of a panel lie, [points][steps][vectors][lanes][terms]."""
        return self.inputs_at + self._aligned(POINTS * self.point_inputs + self.unit.terms)

    @property
    def sums_at(self) -> int:
        """Where the sums of a chunk of tiles lie, [points][tiles][vectors][lanes], as i32."""
        return self.weights_at + self._aligned(POINTS * self.point_weights)

    @cached_property
    def staging(self) -> Staging:
        x = self.where.anchor.inputs[0].type
        parts = x.dims[0] * self.grid.count
        vectors = min(self.panels.most_vectors, self.panels.vectors)
        sums = POINTS * self.waiting * vectors * self.unit.lanes
        return Staging(
            self.unit,
            x,
            self.sums_at + 2 * sums,
            self.target.vector_bytes,
            Blocks(parts, -(-parts // self.target.threads)),
        )

    def _scattered(self, elements: int) -> int:
        """At least so many elements, and an odd number of cache lines.

        A transformation writes all points at once: at a distance of a large power of two they would
        compete for the few places of one set of the cache.
        """
        line = 64 // self.unit.operand_bytes
        return (-(-elements // line) | 1) * line

    def _aligned(self, elements: int) -> int:
        lanes = 64 // self.unit.operand_bytes
        return -(-elements // lanes) * lanes

    @cached_property
    def weights(self) -> IntegerWeights:
        dtype = self.where.anchor.inputs[1].type.dtype
        return IntegerWeights(self.panels, 1, dtype, self.staging.bias)

    def pack(self, weights: Array) -> Array:
        """[O, I, 3, 3] to panels whose depth runs over kh, kw, channels."""
        return self.weights.pack_runs(weights, self.channels)

    @property
    def pays(self) -> bool:
        """Whether the transformations cost less than the products they save."""
        outs = self.panels.channels
        pixels = self.axes[0].out * self.axes[1].out
        rate = self.unit.steps_per_cycle * self.unit.lanes * self.unit.terms
        tiles = self.grid.rows.count * self.tiles
        transforms = (
            (
                tiles * (self.channels * PER_INPUT + outs * PER_OUTPUT)
                + self.grid.rows.count * self.channels * outs * PER_WEIGHT
            )
            * 8
            / self.unit.lanes
        )
        direct = pixels * TAPS * self.channels * outs / rate
        return tiles * POINTS * self.channels * outs / rate + transforms < direct
