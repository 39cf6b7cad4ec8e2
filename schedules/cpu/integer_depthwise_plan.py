"""The geometry of an integer depthwise convolution: pairs of kernel rows, strips of padded rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphopt.ir import Array, Value
from graphopt.ops.convolution import Conv
from graphopt.schedules.cpu.region import Anchored
from graphopt.schedules.cpu.tiling import Group, split
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.cpu.window import Axis, axes
from graphopt.targets import Target

# Accumulators of a tile of neighbouring pixels; with the weights of 3 x 3 taps they fill the
# 16 registers of AVX2.
PIXELS = range(7, 3, -1)
# More multiplications than this are not written out.
MAX_UNROLLED = 128


@dataclass(frozen=True)
class Pairs:
    """A depthwise convolution whose taps are multiplied two by two.

    The taps of a window column in rows 0 and 1, 2 and 3, ... are neighbours in a vector of 16-bit
    elements, and so are their weights: one instruction (vpmaddwd) adds both products, exactly. A
    last row without a partner is paired with weights of zero.

    Where there is padding, or channels do not fill vectors, a strip of rows is copied to scratch
    first, so that nothing after it meets a border.
    """

    where: Anchored
    target: Target
    unit: VectorUnit

    @property
    def op(self) -> Conv:
        op = self.where.anchor.op
        assert isinstance(op, Conv)
        return op

    @property
    def x(self) -> Value:
        return self.where.anchor.inputs[0]

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """Vertical, horizontal."""
        op, weights = self.op, self.where.anchor.inputs[1]
        kernel = weights.type.dims[2:]
        return axes(self.x.type, self.where.result.type, kernel, op.strides, op.pads, op.dilations)

    @property
    def channels(self) -> int:
        return self.where.result.type.dims[-1]

    @property
    def lanes(self) -> int:
        return self.unit.lanes

    @property
    def vectors(self) -> int:
        """Vectors of sums that hold all channels."""
        return -(-self.channels // self.lanes)

    @property
    def row_pairs(self) -> int:
        return -(-self.axes[0].kernel // 2)

    @cached_property
    def tiles(self) -> tuple[Group, ...]:
        """The pixels of an output row, cut into tiles."""
        out = self.axes[1].out
        # Tiles of one size are less code than of two.
        return split(out, next((n for n in PIXELS if out % n == 0), PIXELS[0]))

    # Strips

    @property
    def copied(self) -> bool:
        """Whether the windows read a padded copy of the input."""
        clipped = any(axis.clipped for axis in self.axes)
        packed = self.x.type.dtype.bits < 8
        return clipped or packed or self.channels % self.lanes > 0

    @property
    def pixel_elements(self) -> int:
        """The distance of neighbouring pixels where the windows read them."""
        return self.vectors * self.lanes if self.copied else self.channels

    @property
    def row_pixels(self) -> int:
        """The distance of rows where the windows read them, in pixels."""
        return extent(self.axes[1], self.axes[1].out) if self.copied else self.axes[1].size

    @property
    def strip_elements(self) -> int:
        """The size of the copy that one strip reads, in whole cache lines."""
        rows = extent(self.axes[0], self.strip_rows)
        return -(-rows * self.row_pixels * self.pixel_elements // 64) * 64

    @cached_property
    def strip_rows(self) -> int:
        """How many output rows read one strip: half of the second-level cache holds it."""
        vertical = self.axes[0]
        row = self.row_pixels * self.pixel_elements * self.x.type.dtype.itemsize
        fitting = self.target.l2_bytes // 2 // row - extent(vertical, 1)
        return max(1, min(vertical.out, fitting // vertical.stride + 1))

    @property
    def scratch_bytes(self) -> int:
        size = self.strip_elements * self.x.type.dtype.itemsize
        return self.target.threads * size if self.copied else 0

    # Constants

    @property
    def weight_elements(self) -> int:
        return self.vectors * self.row_pairs * self.axes[1].kernel * self.lanes * 2

    def pack_weights(self, weights: Array) -> Array:
        """[C, 1, kh, kw] becomes [vectors][pairs of rows][kw][lanes][2], in 16 bits."""
        channels, _, rows, columns = weights.shape
        padded = np.zeros((self.vectors * self.lanes, self.row_pairs * 2, columns), np.int16)
        padded[:channels, :rows] = weights[:, 0].astype(np.int16)
        split = padded.reshape(self.vectors, self.lanes, self.row_pairs, 2, columns)
        return np.ascontiguousarray(split.transpose(0, 2, 4, 1, 3)).reshape(-1)

    def pack_bias(self, bias: Array) -> Array:
        """Zeros fill the last vector."""
        return np.pad(bias, (0, self.vectors * self.lanes - self.channels))


def extent(axis: Axis, outputs: int) -> int:
    """How many neighbouring inputs the windows of `outputs` neighbouring outputs span."""
    return (outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
