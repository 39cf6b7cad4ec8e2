"""The loops around the Helium routine of products: gathering windows, and the epilogue."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, T, loop, named, view
from graphopt.schedules.mcu.helium.epilogue import LANES, VectorEpilogue
from graphopt.schedules.mcu.helium.product_plan import WORD, ProductPlan
from graphopt.schedules.mcu.helium.routine import call, steps, within
from graphopt.schedules.mcu.helium.weights import GROUP, STEP
from graphopt.targets import McuTarget

GATHER, UNPACK = "helium_gather", "helium_unpack"
# What the routine of products makes of its sums.
BY_CHANNEL, BY_NUMBER, SUMS = 0, 1, 2

# The sizes of every kernel, then those of rows that follow each other, or those of windows.
SIZES = ("channels", "tile", "block")
DIRECT_SIZES = ("rows", "depth")
WINDOW_SIZES = (
    "batch",
    "height",
    "width",
    "depth",
    "out_height",
    "out_width",
    "kernel_height",
    "kernel_width",
    "row_stride",
    "column_stride",
    "top",
    "left",
    "row_dilation",
    "column_step",
    "window_step",
    "pad_value",
)


def emit(
    plan: ProductPlan,
    target: McuTarget,
    buffers: Mapping[Value, Buffer],
    scratch: Buffer | None,
    channels: Expr,
    tile: Expr,
    block: Expr,
    *sizes: Expr,
) -> None:
    """The body of the kernel of `plan`, for the sizes that `SIZES` and one of the others name."""
    emitter = ProductEmitter(plan, target, buffers, scratch, channels, tile, block)
    if plan.window is None:
        emitter.direct(*sizes)
    else:
        emitter.windows(*sizes)


class ProductEmitter:
    """Emits the kernel of a `ProductPlan` for sizes that are known when it runs.

    Scratch holds zeros for a missing bias, the sums of a tile, one pixel of padding, and the
    columns of a tile, as far as the plan needs them.
    """

    def __init__(
        self,
        plan: ProductPlan,
        target: McuTarget,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer | None,
        channels: Expr,
        tile: Expr,
        block: Expr,
    ) -> None:
        self.plan = plan
        self.target = target
        self.buffers = buffers
        self.scratch = scratch
        self.x, self.w = buffers[plan.x], buffers[plan.w]
        self.out = buffers[plan.where.region.outputs[0]]
        self.channels, self.tile, self.block = channels, tile, block
        zeros = T.truncdiv(channels + GROUP - 1, GROUP) * GROUP * WORD if plan.bias is None else 0
        self.weights: Expr = T.int32(0)
        self.sums = named(T.int32(0) + zeros)
        sums = tile * channels * WORD if plan.requantize is None else 0
        self.padding = named(self.sums + sums)
        if plan.bias is None:
            assert scratch is not None
            with loop(self.sums) as i:
                T.buffer_store(scratch, tirx.const(0, "uint8"), [i])

    def direct(self, rows: Expr, depth: Expr) -> None:
        """Rows of x follow each other."""
        self.weights = self.padding
        with loop(steps(rows, self.tile)) as number:
            first = named(number * self.tile)
            count = named(T.min(self.tile, rows - first))
            self._multiply(T.address_of(self.x[first * depth]), first, count, depth, depth)

    def windows(
        self,
        batch: Expr,
        height: Expr,
        width: Expr,
        depth: Expr,
        out_height: Expr,
        out_width: Expr,
        kernel_height: Expr,
        kernel_width: Expr,
        row_stride: Expr,
        column_stride: Expr,
        top: Expr,
        left: Expr,
        row_dilation: Expr,
        column_step: Expr,
        window_step: Expr,
        pad_value: Expr,
    ) -> None:
        """Gather the columns of one tile after the other, and multiply their windows."""
        scratch = self.scratch
        assert scratch is not None
        with loop(depth) as i:
            T.buffer_store(scratch, tirx.Cast("uint8", pad_value), [self.padding + i])
        columns = named(self.padding + T.truncdiv(depth + WORD - 1, WORD) * WORD)
        column_bytes = named(kernel_height * depth)
        wide = (self.tile - 1) * window_step + kernel_width
        self.weights = named(columns + steps(wide * column_bytes, T.int32(WORD)) * WORD)
        with loop(batch) as n, loop(out_height) as row:
            with loop(steps(out_width, self.tile)) as number:
                first = named(number * self.tile)
                count = named(T.min(self.tile, out_width - first))
                wide = named((count - 1) * window_step + kernel_width)
                x = named(first * column_stride - left)
                before = named(T.min(wide, steps(T.int32(0) - x, column_step)))
                inside = named(within(steps(width - x, column_step), before, wide) - before)
                y = named(row * row_stride - top)
                pixel = named((n * height + y) * width + x + before * column_step)
                call(
                    GATHER,
                    T.address_of(self.x[pixel * depth]),
                    T.address_of(scratch[columns]),
                    T.address_of(scratch[self.padding]),
                    depth,
                    kernel_height,
                    T.min(kernel_height, steps(T.int32(0) - y, row_dilation)),
                    T.min(kernel_height, steps(height - y, row_dilation)),
                    before,
                    inside,
                    wide - before - inside,
                    row_dilation * width * depth,
                    column_step * depth,
                    column_bytes,
                )
                start = named((n * out_height + row) * out_width + first)
                self._multiply(
                    T.address_of(scratch[columns]),
                    start,
                    count,
                    window_step * column_bytes,
                    kernel_width * column_bytes,
                )

    def _multiply(self, x: Expr, start: Expr, rows: Expr, pitch: Expr, depth: Expr) -> None:
        """Multiply `rows` rows at `x`, which give the outputs from row `start` on."""
        plan, requantize = self.plan, self.plan.requantize
        first = named(start * self.channels)
        if plan.bits == 8:
            w = T.address_of(self.buffers[plan.w][0])
            self._block(x, w, T.int32(0), self.channels, first, rows, pitch, depth)
        else:
            padded = named(steps(depth, T.int32(STEP)) * STEP)
            with loop(steps(self.channels, self.block)) as number:
                channel = named(number * self.block)
                count = named(T.min(self.block, self.channels - channel))
                w = self._unpacked(channel * padded, steps(count, T.int32(GROUP)) * GROUP * padded)
                self._block(x, w, channel, count, first, rows, pitch, depth)
        if requantize is None:
            lanes = LANES if plan.channels % LANES == 0 else 1
            sums = view(self._scratch(), "int32")
            place = T.truncdiv(self.sums, WORD)
            epilogue = VectorEpilogue(plan.where, self.buffers, self.target)
            epilogue.rows(sums, place, first, rows, self.channels, lanes)

    def _unpacked(self, first: Expr, count: Expr) -> Expr:
        """Where `count` weights are bytes, from number `first` on."""
        bits, to = self.plan.bits, T.address_of(self._scratch()[self.weights])
        source = T.address_of(self.w[T.truncdiv(first * bits, 8)])
        call(UNPACK, source, to, T.truncdiv(count * bits, 8), T.int32(bits))
        return to

    def _block(
        self,
        x: Expr,
        w: Expr,
        channel: Expr,
        channels: Expr,
        first: Expr,
        rows: Expr,
        pitch: Expr,
        depth: Expr,
    ) -> None:
        """The products of some channels, of the outputs from element `first` on."""
        plan, requantize = self.plan, self.plan.requantize
        if plan.bias is None:
            bias = T.address_of(self._scratch()[0])
        else:
            bias = T.address_of(self.buffers[plan.bias][channel])
        if requantize is not None:
            offset = self.buffers[requantize.offset][0]
            mode = BY_NUMBER if requantize.scalar else BY_CHANNEL
            place = 0 if requantize.scalar else channel
            multiplier = T.address_of(self.buffers[requantize.multiplier][place])
            out = T.address_of(self.out[first + channel])
        else:
            offset, mode, multiplier = T.int32(0), SUMS, bias
            out = T.address_of(self._scratch()[self.sums + channel * WORD])
        sizes = [rows, pitch, depth, channels]
        if not plan.short:
            sizes.append(self.channels * (WORD if requantize is None else 1))
        call(plan.routine, x, w, bias, multiplier, out, *sizes, offset, T.int32(mode))

    def _scratch(self) -> Buffer:
        assert self.scratch is not None
        return self.scratch
