"""The geometry of an integer depthwise convolution: pairs of rows, strips, tiles of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphopt.ir import Array, Value
from graphopt.ops.convolution import Conv
from graphopt.schedules.cpu.integer_depthwise_weights import TapWeights
from graphopt.schedules.cpu.tiling import Blocks, Group, split
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.cpu.window import Axis, axes
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget

# Neighbouring pixels of a tile: one vector of sums for each, and the weights of 3 columns of taps
# fit the 16 registers of AVX2.
PIXELS = range(7, 3, -1)
# More multiplications than this are not written out.
MAX_UNROLLED = 128


@dataclass(frozen=True)
class PairedRows:
    """A depthwise convolution whose taps are multiplied two by two.

    The elements of two rows lie side by side, and so do the weights of two kernel rows: one
    instruction (vpmaddwd) adds both products, exactly. A row of a pair that is not in the window
    has weights of zero.

    Strips of the input are copied to scratch in that form, together with their padding, so that
    nothing after it meets a border: rows of pixels of `wide` channels of 2 elements. Windows that
    start in a lower row have weights of their own (`shifts`), so that no row is copied twice.
    """

    where: Anchored
    target: CpuTarget
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
    def wide(self) -> int:
        """The channels of a pixel of the copy: whole vectors of sums."""
        return -(-self.channels // self.lanes) * self.lanes

    @cached_property
    def tiles(self) -> tuple[Group, ...]:
        """The pixels of an output row, cut into tiles."""
        out = self.axes[1].out
        # Tiles of one size are less code than of two.
        return split(out, next((n for n in PIXELS if out % n == 0), PIXELS[0]))

    # Pairs of rows

    @property
    def row_step(self) -> int:
        """How far the upper rows of neighbouring pairs of the copy are apart in the input."""
        vertical = self.axes[0]
        return 2 if vertical.dilation == 1 else math.gcd(vertical.stride, 2 * vertical.dilation)

    @property
    def shifts(self) -> int:
        """In how many ways a window lies over the pairs: from an upper row or a lower one on."""
        return 2 if self.axes[0].stride % self.row_step else 1

    @property
    def pairs(self) -> int:
        """How many pairs of rows a window reads."""
        return (self.axes[0].kernel + self.shifts) // 2

    @property
    def pair_step(self) -> int:
        """How far the pairs of a window are apart in the copy."""
        return 2 * self.axes[0].dilation // self.row_step

    def rows(self, outputs: int) -> int:
        """How many pairs of rows of the copy `outputs` neighbouring output rows read."""
        last = (outputs - 1) * self.axes[0].stride // self.row_step
        return last + (self.pairs - 1) * self.pair_step + 1

    @property
    def row_pixels(self) -> int:
        axis = self.axes[1]
        return (axis.out - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1

    @property
    def row_elements(self) -> int:
        return self.row_pixels * self.wide * 2

    # Strips

    @cached_property
    def strip_rows(self) -> int:
        """How many output rows read one strip: half of the second-level cache holds it."""
        vertical = self.axes[0]
        fitting = self.target.l2_bytes // 2 // (self.row_elements * self.x.type.dtype.itemsize)
        more = (fitting - self.rows(2)) * self.row_step // vertical.stride
        return max(1, min(vertical.out, more + 1))

    @property
    def strips(self) -> int:
        """The strips of one image."""
        return -(-self.axes[0].out // self.strip_rows)

    @property
    def work(self) -> Blocks:
        """The strips of all images, in a block for each thread."""
        total = self.x.type.dims[0] * self.strips
        return Blocks(total, -(-total // self.target.threads))

    @property
    def strip_elements(self) -> int:
        return self.rows(self.strip_rows) * self.row_elements

    @property
    def strip_bytes(self) -> int:
        return lines(self.strip_elements * self.x.type.dtype.itemsize)

    @property
    def scratch_bytes(self) -> int:
        return self.work.count * (self.weight_bytes + self.strip_bytes)

    # Constants

    @property
    def weights(self) -> TapWeights:
        w = self.where.anchor.inputs[1]
        return TapWeights(w.type.dtype, w.type.dims[2:], self.wide)

    @property
    def taps(self) -> int:
        """The unpacked weights of each channel for one shift, zeros included."""
        return self.pairs * self.axes[1].kernel * 2

    @property
    def weight_bytes(self) -> int:
        """The size of the unpacked weights, [shifts][vectors][pairs][kw][lanes][2] in 16 bits."""
        return lines(self.shifts * self.wide * self.taps * 2)

    def pack_bias(self, bias: Array) -> Array:
        """Zeros fill the last vector."""
        return np.pad(bias, (0, self.wide - self.channels))


def lines(size: int) -> int:
    """`size` bytes in whole cache lines."""
    return -(-size // 64) * 64
