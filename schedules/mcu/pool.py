"""Pools over windows of integers: plain loops for every core, the output over the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.pooling import Pool
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import epilogue_text, operands
from graphopt.schedules.mcu.scalar.rescaling import rescale_routines
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr

# The taps of a window are written out.
MAX_TAPS = 9
SIZES = (
    *("images", "image_step", "channels"),
    *("rows", "row_step", "out_rows", "row_stride", "top"),
    *("columns", "out_columns", "column_stride", "left"),
)


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a pool without dilation."""

    size: int
    out: int
    kernel: int
    stride: int
    before: int

    @property
    def inside(self) -> bool:
        """Whether no window reaches into padding."""
        return self.before == 0 and (self.out - 1) * self.stride + self.kernel <= self.size

    @property
    def meets(self) -> bool:
        """Whether every window has a tap that is no padding."""
        return self.before < self.kernel and (self.out - 1) * self.stride - self.before < self.size

    def first_taps(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The first element of each window that is no padding."""
        return np.maximum(0, np.arange(self.out, dtype=np.int64) * self.stride - self.before)


@dataclass(frozen=True)
class Window:
    """A pool of maps in NHWC."""

    images: int
    channels: int
    rows: Axis
    columns: Axis

    @property
    def sizes(self) -> tuple[int, ...]:
        """In the order of `SIZES`."""
        rows, columns = self.rows, self.columns
        row_step = columns.size * self.channels
        return (
            *(self.images, rows.size * row_step, self.channels),
            *(rows.size, row_step, rows.out, rows.stride, rows.before),
            *(columns.size, columns.out, columns.stride, columns.before),
        )

    def overlap(self, x_bytes: int, out_bytes: int) -> int:
        """How far after the start of x the output may start, elements being written in order.

        The least, over all elements written, of the first byte of x that is still to be read less
        the last byte written (memory.md of the design).
        """
        images = np.arange(self.images)[:, None, None] * self.rows.size
        rows = (images + self.rows.first_taps()[:, None]) * self.columns.size
        first = (rows + self.columns.first_taps()).ravel() * self.channels * x_bytes
        written = np.arange(first.size) * self.channels * out_bytes
        # Other channels of the pixel that is being written, then the pixels after it.
        limits = [
            first + (c + 1) * x_bytes - written - (c + 1) * out_bytes
            for c in {0, self.channels - 2}
            if 0 <= c < self.channels - 1
        ]
        later = np.minimum.accumulate(first[::-1])[::-1][1:]
        limits.append(later - written[1:])
        sizes = (self.sizes[1] * self.images * x_bytes, written.size * self.channels * out_bytes)
        return int(min((limit.min() for limit in limits if limit.size), default=max(sizes)))


@dataclass(frozen=True)
class WindowPool:
    """Maximum or sum of each window, channel by channel, with what follows it.

    Taps in padding move to the nearest element, which leaves a maximum as it is.
    """

    name: str = "window_pool"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = _anchored(region)
        if isinstance(where, Reject):
            return where
        window = _window(where.anchor)
        if isinstance(window, Reject):
            return window
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand broadcasts in a way that regions of any shape do not share")
        taps = (window.rows.kernel, window.columns.kernel)

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.pool_loops import PoolEmitter

            def body(buffers: Mapping[Value, Buffer], _: None, *sizes: Expr) -> None:
                named = dict(zip(SIZES, sizes, strict=True))
                PoolEmitter(where, named, buffers, target).emit(taps)

            return sized_kernel(region, SIZES, body)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            inplace=where.inplace(*where.anchor.inputs),
            overlap=_overlap(where, window),
            routines=rescale_routines(region, target),
            sizes=window.sizes,
            identity=f"{self.name} {where.anchor.op.name} {taps}\n{text}",
        )


def _anchored(region: Graph) -> Anchored | Reject:
    found = find_anchor(region, ops.SumPool, dtype=DType.I32)
    for dtype in (DType.I8, DType.U8):
        if isinstance(found, Reject):
            found = find_anchor(region, ops.MaxPool, dtype=dtype)
    return found


def _window(anchor: Node) -> Window | Reject:
    op, x, out = anchor.op, anchor.inputs[0].type, anchor.output.type
    assert isinstance(op, Pool)
    spatial = len(op.kernel)
    if op.layout != "NHWC" or spatial not in (1, 2):
        return Reject("expected a pool of 1 or 2 dimensions in NHWC")
    if x.dtype not in (DType.I8, DType.U8, DType.I16):
        return Reject(f"expected integers of 8 or 16 bits, found {x.dtype}")
    if any(d != 1 and k != 1 for d, k in zip(op.dilations, op.kernel, strict=True)):
        return Reject("the windows are dilated")
    axes = [
        Axis(x.dims[1 + i], out.dims[1 + i], op.kernel[i], op.strides[i], op.pads[i])
        for i in range(spatial)
    ]
    rows, columns = [Axis(1, 1, 1, 1, 0), *axes][-2:]
    if rows.kernel * columns.kernel > MAX_TAPS:
        return Reject(f"expected windows of at most {MAX_TAPS} taps")
    if not isinstance(op, ops.MaxPool) and not (rows.inside and columns.inside):
        return Reject("sums leave out taps in padding")
    if not (rows.meets and columns.meets):
        return Reject("a window has nothing but padding")
    return Window(x.dims[0], x.dims[-1], rows, columns)


def _overlap(where: Anchored, window: Window) -> dict[tuple[int, int], int]:
    x, outputs = where.anchor.inputs[0], where.region.outputs
    if len(outputs) > 1 or x in operands(where.region, where.anchor):
        return {}
    sizes = (value.type.dtype.itemsize for value in (x, outputs[0]))
    return {(where.input_index(x), 0): window.overlap(*sizes)}
