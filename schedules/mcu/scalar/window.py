"""The geometry of a product: which inputs one output pixel reads, and in which order."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Node
from graphopt.ops import Conv
from graphopt.rewrite import Reject


@dataclass(frozen=True)
class Window:
    """A convolution in NHWC of at most two spatial dimensions; a matrix product has 1x1 windows.

    Sizes are in elements. `channels` are those of an input pixel, `outputs` those of an output
    pixel. Pads are the leading ones; what lies behind the map is padding too.
    """

    batch: int
    height: int
    width: int
    channels: int
    rows: int
    columns: int
    outputs: int
    kernel_y: int
    kernel_x: int
    stride_y: int
    stride_x: int
    pad_y: int
    pad_x: int
    dilation_y: int
    dilation_x: int
    pad_value: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """All numbers, in the order of `SIZES`."""
        return astuple(self)

    @property
    def pixels(self) -> int:
        return self.batch * self.rows * self.columns

    @property
    def taps(self) -> int:
        return self.kernel_y * self.kernel_x

    @property
    def flat(self) -> bool:
        """Whether each output pixel reads the input pixel of the same number, and no other."""
        plain = self.taps == 1 and (self.stride_y, self.stride_x, self.pad_y, self.pad_x) == (
            1,
            1,
            0,
            0,
        )
        return plain and (self.height, self.width) == (self.rows, self.columns)

    def overlap(self, input_itemsize: int, output_itemsize: int, together: int = 1) -> int:
        """How many bytes after the input's start the output may start (memory.md: o_max).

        In order, a kernel reads all windows of `together` pixels of a row (flat: of neighbouring
        pixels) before it writes their outputs; the rest of a row are alone.
        """
        images = np.arange(self.batch) * self.height
        y = _first_inside(self.rows, self.stride_y, self.pad_y, self.dilation_y)
        x = _first_inside(self.columns, self.stride_x, self.pad_x, self.dilation_x)
        lines = np.add.outer(images, y)
        reads = np.add.outer(lines * self.width, x).reshape(-1) * self.channels * input_itemsize
        later = np.minimum.accumulate(reads[::-1])[::-1]
        row = self.pixels if self.flat else self.columns
        number = np.arange(1, self.pixels + 1)
        in_row = (number - 1) % row + 1
        ends = number[(in_row % together == 0) | (in_row > row // together * together)]
        ends = ends[ends < self.pixels]
        written = ends * self.outputs * output_itemsize
        whole = self.batch * self.height * self.width * self.channels * input_itemsize
        return int(min((later[ends] - written).min(initial=whole), whole))


def _first_inside(size: int, stride: int, pad: int, dilation: int) -> NDArray[np.int64]:
    """The first position inside the map, of those that each of `size` windows reads."""
    start = np.arange(size) * stride - pad
    return np.where(start < 0, start % dilation, start)


SIZES = tuple(field.name for field in fields(Window))


def window_of(anchor: Node) -> Window | Reject:
    """The geometry of a convolution or of a matrix product with one matrix of weights."""
    x, w = (value.type for value in anchor.inputs[:2])
    out = anchor.output.type.dims
    if not isinstance(anchor.op, Conv):
        if w.rank != 2:
            return Reject("expected one matrix of weights")
        rows = x.elements // x.dims[-1]
        return Window(1, 1, rows, x.dims[-1], 1, rows, out[-1], 1, 1, 1, 1, 0, 0, 1, 1, 0)
    op = anchor.op
    if op.layout != "NHWC" or not 1 <= len(op.strides) <= 2:
        return Reject("expected channels last, and one or two spatial dimensions")
    lead = 2 - len(op.strides)
    height, width = (1,) * lead + x.dims[1:-1]
    rows, columns = (1,) * lead + out[1:-1]
    kernel_y, kernel_x = (1,) * lead + w.dims[2:]
    stride_y, stride_x = (1,) * lead + op.strides
    pad_y, pad_x = (0,) * lead + op.pads[: len(op.strides)]
    dilation_y, dilation_x = (1,) * lead + op.dilations
    return Window(
        x.dims[0],
        height,
        width,
        x.dims[-1],
        rows,
        columns,
        out[-1],
        kernel_y,
        kernel_x,
        stride_y,
        stride_x,
        pad_y,
        pad_x,
        dilation_y,
        dilation_x,
        op.pad_value,
    )
