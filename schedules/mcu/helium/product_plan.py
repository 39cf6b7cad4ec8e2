"""Products of i8 as the Helium routine does them: which rows of bytes it multiplies, and when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from graphopt import ops
from graphopt.ir import Value
from graphopt.ops.convolution import Conv
from graphopt.schedules.mcu.helium.requantize import Requantize, find_requantize
from graphopt.schedules.mcu.helium.weights import GROUP, STEP
from graphopt.schedules.region import Anchored

# Rows that a call does with the same weights in registers.
SHORT_ROWS = 32
# Scratch of one tile of windows, and of the sums of one tile, as far as one can choose.
TILE_BYTES, SUMS_BYTES = 2048, 1024
WORD = 4


@dataclass(frozen=True)
class Window:
    """The windows of a convolution over an NHWC image, gathered column by column.

    A tile of neighbouring outputs of a row shares its columns of the input: column j of a tile
    lies `column_step` pixels after the one before it, and output i starts at column
    i * `window_step`. Both are 1 and the stride, but for dilated kernels, whose outputs share
    nothing (their tiles are one output), and kernels of one column.
    """

    batch: int
    image: tuple[int, int, int]
    out: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]
    dilations: tuple[int, int]

    @property
    def shared(self) -> bool:
        return self.kernel[1] == 1 or self.dilations[1] == 1

    @property
    def column_step(self) -> int:
        if self.kernel[1] == 1:
            return self.strides[1]
        return self.dilations[1]

    @property
    def window_step(self) -> int:
        return 1 if self.kernel[1] == 1 else self.strides[1]

    @property
    def column_bytes(self) -> int:
        return self.kernel[0] * self.image[2]

    def columns(self, outputs: int) -> int:
        """How many columns `outputs` neighbouring outputs read."""
        return (outputs - 1) * self.window_step + self.kernel[1]


@dataclass(frozen=True)
class ProductPlan:
    """A region of one sum of products; `window` is None where rows of x are multiplied as they are.

    `rows` counts the results of each channel, `depth` the products of a sum. `requantize` is None
    where the routine stores sums, and an epilogue in TIR follows.
    """

    where: Anchored
    x: Value
    w: Value
    rows: int
    depth: int
    window: Window | None

    @cached_property
    def requantize(self) -> Requantize | None:
        return find_requantize(self.where)

    @property
    def channels(self) -> int:
        return self.where.result.type.dims[-1]

    @property
    def bias(self) -> Value | None:
        """What the routine starts its sums with."""
        if self.requantize is not None:
            return self.requantize.bias
        inputs = self.where.anchor.inputs
        return inputs[2] if len(inputs) == 3 else None

    @property
    def per_channel(self) -> tuple[Value, ...]:
        """The inputs of one number a channel that the routine reads."""
        if self.requantize is not None:
            return self.requantize.per_channel
        return () if self.bias is None else (self.bias,)

    @property
    def padded(self) -> int:
        """The channels in whole groups."""
        return -(-self.channels // GROUP) * GROUP

    @property
    def bits(self) -> int:
        """The width of a weight; what is narrower than a byte is unpacked to scratch."""
        return self.w.type.dtype.bits

    @property
    def short(self) -> bool:
        """Whether the weights of 4 channels stay in registers, for one row after the other."""
        whole = self.channels % GROUP == 0
        return self.bits == 8 and self.requantize is not None and self.depth <= STEP and whole

    @property
    def padded_depth(self) -> int:
        """The weights of a channel in whole steps."""
        return -(-self.depth // STEP) * STEP

    @property
    def block(self) -> int:
        """For how many channels all rows of a tile are done before the next ones."""
        if self.short:
            return GROUP
        if self.bits == 8:
            return self.padded
        fitting = TILE_BYTES // self.padded_depth // GROUP * GROUP
        return min(self.padded, max(GROUP, fitting))

    @property
    def routine(self) -> str:
        """The routine that multiplies."""
        return "helium_short" if self.short else "helium_product"

    @cached_property
    def tile(self) -> int:
        """How many rows one call of the routine does."""
        most = self.rows if self.window is None else self.window.out[1]
        if self.short or self.bits < 8:
            most = min(most, SHORT_ROWS)
        if self.requantize is None:
            most = min(most, SUMS_BYTES // (WORD * self.channels))
        if self.window is not None:
            window = self.window
            fitting = TILE_BYTES // window.column_bytes - window.kernel[1]
            most = min(most, fitting // window.window_step + 1) if window.shared else 1
        # The routine does two rows at once.
        return max(most // 2 * 2, 1) if most < self.rows else most

    # Scratch: columns of a tile, one pixel of padding, sums of a tile, zeros for a bias, weights.

    @property
    def weights_bytes(self) -> int:
        return self.block * self.padded_depth if self.bits < 8 else 0

    @property
    def columns_bytes(self) -> int:
        window = self.window
        return words(window.columns(self.tile) * window.column_bytes) if window else 0

    @property
    def padding_bytes(self) -> int:
        return words(self.window.image[2]) if self.window else 0

    @property
    def sums_bytes(self) -> int:
        return 0 if self.requantize else WORD * self.tile * self.channels

    @property
    def zeros_bytes(self) -> int:
        return WORD * self.padded if self.bias is None else 0

    @property
    def scratch_bytes(self) -> int:
        gathered = self.columns_bytes + self.padding_bytes
        return gathered + self.sums_bytes + self.zeros_bytes + self.weights_bytes

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers that the kernel gets, in the order that `product_loops` names them."""
        window = self.window
        if window is None:
            return self.channels, self.tile, self.block, self.rows, self.depth
        op = self.where.anchor.op
        assert isinstance(op, Conv)
        return (
            self.channels,
            self.tile,
            self.block,
            window.batch,
            *window.image,
            *window.out,
            *window.kernel,
            *window.strides,
            *window.pads,
            window.dilations[0],
            window.column_step,
            window.window_step,
            op.pad_value,
        )

    def overlap(self, itemsize: int) -> int:
        """How many bytes after the start of x an output of that itemsize may start."""
        steps = self._windowed() if self.window else self._direct()
        free = (first - written * itemsize for written, first in steps)
        return min(free, default=self.x.type.elements)

    def _direct(self) -> Iterator[tuple[int, int]]:
        """(elements written, first byte of x still read) wherever x is read after a store."""
        last_group = (self.channels - 1) // GROUP * GROUP
        last_block = (self.channels - 1) // self.block * self.block
        for first in range(0, self.rows, self.tile):
            end = min(first + self.tile, self.rows)
            if self.requantize and last_block:
                yield (end - 1) * self.channels + last_block, first * self.depth
            for row in range(first, end, 2) if self.requantize else ():
                done = min(row + 2, end)
                if last_group:
                    yield (done - 1) * self.channels + last_group, row * self.depth
                if done < end:
                    yield done * self.channels, done * self.depth
            if end < self.rows:
                yield end * self.channels, end * self.depth

    def _windowed(self) -> Iterator[tuple[int, int]]:
        """The same, after each tile but the last."""
        assert self.window is not None
        window, free = self.window, self.x.type.elements
        height, width, channels = window.image
        out_height, out_width = window.out
        starts = range(0, out_width, self.tile)
        for n, row, start in reversed(
            list(itertools.product(range(window.batch), range(out_height), starts))
        ):
            done = (n * out_height + row) * out_width + min(start + self.tile, out_width)
            if done < self.rows:
                yield done * self.channels, free
            top = max(row * window.strides[0] - window.pads[0], 0)
            left = max(start * window.strides[1] - window.pads[1], 0)
            if top < height and left < width:
                free = min(free, ((n * height + top) * width + left) * channels)


def plan_product(where: Anchored) -> ProductPlan:
    """The plan of a region whose anchor is a matmul with a matrix or a plain convolution."""
    anchor = where.anchor
    x, w = anchor.inputs[:2]
    rows = math.prod(where.result.type.dims[:-1])
    if isinstance(anchor.op, ops.MatMul):
        return ProductPlan(where, x, w, rows, x.type.dims[-1], None)
    op = anchor.op
    assert isinstance(op, Conv)
    depth = math.prod(w.type.dims[1:])
    spatial = len(op.strides)
    if math.prod(w.type.dims[2:]) == 1 and {*op.strides} == {1} and {*op.pads} == {0}:
        return ProductPlan(where, x, w, rows, depth, None)
    batch, *image, channels = x.type.dims
    height, width = _planar(image)
    out_height, out_width = _planar(where.result.type.dims[1:-1])
    kernel_height, kernel_width = _planar(w.type.dims[2:])
    row_stride, column_stride = _planar(op.strides)
    row_dilation, column_dilation = _planar(op.dilations)
    pads = (0, op.pads[0]) if spatial == 1 else (op.pads[0], op.pads[1])
    window = Window(
        batch,
        (height, width, channels),
        (out_height, out_width),
        (kernel_height, kernel_width),
        (row_stride, column_stride),
        pads,
        (row_dilation, column_dilation),
    )
    return ProductPlan(where, x, w, rows, depth, window)


def _planar(sizes: tuple[int, ...] | list[int]) -> tuple[int, int]:
    """Sizes of one or two dimensions as those of two."""
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def words(nbytes: int) -> int:
    """`nbytes` in whole words."""
    return -(-nbytes // WORD) * WORD
