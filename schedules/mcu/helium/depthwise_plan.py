"""Depthwise convolutions as the Helium routines do them: words of 4 rows, shared by outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphopt.ir import Array, Value
from graphopt.ops.convolution import Conv
from graphopt.schedules.mcu.helium.requantize import Requantize
from graphopt.schedules.mcu.helium.weights import STEP, pack_bits
from graphopt.schedules.region import Anchored

# Channels of a column, bytes of the words of one block of rows, rows of a block.
CHANNELS, WORDS_BYTES, ROWS = 16, 64, 4
# Columns of one tile, as far as one can choose.
COLUMNS = 32
# What lying over the input may cost: scratch is taken for certain, while the bytes saved count only
# where both images are part of the peak.
SAVED_PER_BYTE = 8


@dataclass(frozen=True)
class DepthwisePlan:
    """A depthwise convolution of i8, 16 channels after the other.

    Columns of the input are stored as one word of 4 rows a channel, or two words of 8 rows for
    kernels of more than 4 rows or columns (`blocks`). The same columns serve all output rows whose
    windows lie in these rows (`shared_rows`), each with weights that are shifted by its stride.
    Outputs of a tile are stored when the columns of the next `lag` tiles are there: a lag that
    lets each channel of the output lie over that of the input.
    """

    where: Anchored
    requantize: Requantize

    @property
    def op(self) -> Conv:
        op = self.where.anchor.op
        assert isinstance(op, Conv)
        return op

    @property
    def x(self) -> Value:
        return self.where.anchor.inputs[0]

    @property
    def w(self) -> Value:
        return self.where.anchor.inputs[1]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.w.type.dims[2], self.w.type.dims[3]

    @property
    def blocks(self) -> int:
        """How many words of rows a column has."""
        return 1 if max(self.kernel) <= ROWS else 2

    @property
    def taps(self) -> int:
        """The columns that a routine reads for each window; weights beyond the kernel are 0."""
        return self.blocks * ROWS

    @property
    def shared_rows(self) -> int:
        return (self.blocks * ROWS - self.kernel[0]) // self.op.strides[0] + 1

    @property
    def column_bytes(self) -> int:
        return self.blocks * WORDS_BYTES

    def columns(self, outputs: int) -> int:
        """How many columns `outputs` neighbouring outputs need."""
        return (outputs - 1) * self.op.strides[1] + self.kernel[1]

    @cached_property
    def tiling(self) -> tuple[int, int]:
        """`tile` and `lag`: whole rows and the least lag, where that is worth its scratch."""
        width = self.where.result.type.dims[2]
        most = max(1, (COLUMNS - self.columns(1)) // self.op.strides[1] + 1)
        tile = -(-width // -(-width // most))
        saved = min(self.x.type.nbytes, self.where.region.outputs[0].type.nbytes)
        limit = self._scratch_bytes(tile, 0) + saved // SAVED_PER_BYTE
        ways = itertools.chain([(tile, 0)], ((width, lag) for lag in itertools.count()))
        for way in itertools.takewhile(lambda way: self._scratch_bytes(*way) < limit, ways):
            if self._distance(*way, plane=True) >= 0:
                return way
        return tile, 0

    @property
    def tile(self) -> int:
        """How many neighbouring outputs of a row are done at once."""
        return self.tiling[0]

    @property
    def lag(self) -> int:
        """How many tiles gather their columns before the outputs of one are stored."""
        return self.tiling[1]

    @property
    def bits(self) -> int:
        """The width of a weight; what is narrower than a byte is unpacked to scratch."""
        return self.w.type.dtype.bits

    # Scratch: zeros, a pixel of padding, unpacked weights, the columns of a tile, the weights of
    # each shared row.

    @property
    def unpacked_bytes(self) -> int:
        """The weights in whole units of packing, 0 if they are bytes anyway."""
        unit = STEP * 8 // self.bits
        return 0 if self.bits == 8 else -(-self.w.type.elements // unit) * unit

    @property
    def scratch_bytes(self) -> int:
        return self._scratch_bytes(self.tile, self.lag)

    def _scratch_bytes(self, tile: int, lag: int) -> int:
        read = (self.blocks - 1) * 3 * self.op.strides[1] + self.taps - self.kernel[1]
        behind = max(self.shared_rows * self.taps, read)
        columns = ((lag + 1) * self.columns(tile) + behind) * self.column_bytes
        return WORDS_BYTES + CHANNELS + self.unpacked_bytes + columns

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers that the kernel gets, in the order that `depthwise_loops` names them."""
        batch, height, width, channels = self.x.type.dims
        return (
            batch,
            height,
            width,
            channels,
            *self.where.result.type.dims[1:3],
            *self.kernel,
            *self.op.strides,
            *self.op.pads[:2],
            self.shared_rows,
            self.tile,
            self.lag,
            self.op.pad_value,
        )

    def pack(self, w: Array) -> Array:
        """[C, 1, kh, kw] -> [kh, kw, C], like an image."""
        return pack_bits(np.ascontiguousarray(w[:, 0].transpose(1, 2, 0)), self.bits)

    @property
    def inplace(self) -> bool:
        """Whether the output may start where x starts."""
        return self._distance(self.tile, self.lag, plane=True) >= 0

    @property
    def overlap(self) -> int:
        """How many bytes after the start of x the output may start."""
        return self._distance(self.tile, self.lag, plane=False)

    def _distance(self, tile: int, lag: int, *, plane: bool) -> int:
        """`overlap` of the whole images, or in pixels of the plane of any one channel.

        Outputs that start where x starts lie in the planes of their own channels, so what other
        channels do is nothing to them.
        """
        steps = list(self._steps(tile, plane))
        tiles = self._tiles(tile)
        largest = self.x.type.elements
        # Behind the last reads anything may be written: a number that limits nothing.
        free = largest + self.where.region.outputs[0].type.elements
        for first in reversed(range(0, len(steps), tiles)):
            for i in reversed(range(tiles + lag)):
                if i >= lag:
                    largest = min(largest, free - steps[first + i - lag][0])
                if i < tiles:
                    free = min(free, steps[first + i][1])
        return largest

    def _tiles(self, tile: int) -> int:
        """The tiles of 16 channels of an image."""
        out_height, out_width = self.where.result.type.dims[1:3]
        return -(-out_height // self.shared_rows) * -(-out_width // tile)

    def _steps(self, tile: int, plane: bool) -> Iterator[tuple[int, int]]:
        """(end of what it writes, first byte that it reads) of each tile in its order."""
        batch, height, width, channels = self.x.type.dims
        channels = 1 if plane else channels
        out_height, out_width = self.where.result.type.dims[1:3]
        (row_stride, column_stride), (top, left) = self.op.strides, self.op.pads[:2]
        for n, channel, row, start in itertools.product(
            range(batch),
            range(0, channels, CHANNELS),
            range(0, out_height, self.shared_rows),
            range(0, out_width, tile),
        ):
            last_row = min(row + self.shared_rows, out_height) - 1
            last = min(start + tile, out_width) - 1
            pixel = (n * out_height + last_row) * out_width + last
            y, x = max(row * row_stride - top, 0), max(start * column_stride - left, 0)
            first = ((n * height + min(y, height - 1)) * width + min(x, width - 1)) * channels
            yield pixel * channels + min(channel + CHANNELS, channels), first + channel
