"""The loops around the Helium routines of depthwise convolutions."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, T, loop, named
from graphopt.schedules.mcu.helium.depthwise_plan import (
    CHANNELS,
    ROWS,
    WORDS_BYTES,
    DepthwisePlan,
)
from graphopt.schedules.mcu.helium.routine import call, steps, within

COLUMNS = "helium_columns"
SIZES = (
    "batch",
    "height",
    "width",
    "channels",
    "out_height",
    "out_width",
    "kernel_height",
    "kernel_width",
    "row_stride",
    "column_stride",
    "top",
    "left",
    "shared_rows",
    "tile",
    "pad_value",
)
# Where scratch holds zeros, the pixel of padding, and columns; the weights follow, so that what is
# read behind the columns is known.
_ZEROS, _PADDING, _COLUMNS = 0, WORDS_BYTES, WORDS_BYTES + CHANNELS


def routine_name(plan: DepthwisePlan) -> str:
    """The routine that multiplies the windows of `plan`."""
    return f"helium_depthwise_{plan.taps}"


class DepthwiseEmitter:
    """Emits the kernel of a `DepthwisePlan` for sizes that are known when it runs."""

    def __init__(
        self, plan: DepthwisePlan, buffers: Mapping[Value, Buffer], scratch: Buffer, *sizes: Expr
    ) -> None:
        self.plan = plan
        self.buffers = buffers
        self.scratch = scratch
        self.sizes = dict(zip(SIZES, sizes, strict=True))
        self.x, self.w = buffers[plan.x], buffers[plan.w]
        self.out = buffers[plan.where.region.outputs[0]]
        wide = (self.sizes["tile"] - 1) * self.sizes["column_stride"] + self.sizes["kernel_width"]
        self.weights = named(_COLUMNS + wide * plan.column_bytes)
        self.weight_bytes = plan.taps * plan.column_bytes

    def emit(self) -> None:
        """16 channels after the other: their weights, then rows of tiles."""
        sizes = self.sizes
        with loop(WORDS_BYTES) as i:
            T.buffer_store(self.scratch, tirx.const(0, "uint8"), [_ZEROS + i])
        with loop(CHANNELS) as i:
            T.buffer_store(self.scratch, tirx.Cast("uint8", sizes["pad_value"]), [_PADDING + i])
        channels, shared = sizes["channels"], sizes["shared_rows"]
        with loop(sizes["batch"]) as n, loop(steps(channels, T.int32(CHANNELS))) as group:
            channel = named(group * CHANNELS)
            count = named(T.min(T.int32(CHANNELS), channels - channel))
            with loop(shared) as shift:
                self._weights(shift, channel, count)
            with loop(steps(sizes["out_height"], shared)) as block:
                row = named(block * shared)
                with loop(steps(sizes["out_width"], sizes["tile"])) as number:
                    self._tile(n, channel, count, row, named(number * sizes["tile"]))

    def _weights(self, shift: Expr, channel: Expr, count: Expr) -> None:
        """The weights of the output row `shift` of those that share their columns."""
        sizes = self.sizes
        width, channels = sizes["kernel_width"], sizes["channels"]
        for block in range(self.plan.blocks):
            row = named(ROWS * block - shift * sizes["row_stride"])
            call(
                COLUMNS,
                T.address_of(self.w[row * width * channels + channel]),
                self._address(self.weights + shift * self.weight_bytes + block * WORDS_BYTES),
                self._address(_ZEROS),
                count,
                *self._rows(row, sizes["kernel_height"]),
                T.int32(0),
                width,
                self.plan.taps - width,
                width * channels,
                channels,
                T.int32(self.plan.column_bytes),
            )

    def _tile(self, n: Expr, channel: Expr, count: Expr, row: Expr, start: Expr) -> None:
        plan, sizes = self.plan, self.sizes
        width, channels = sizes["width"], sizes["channels"]
        outputs = named(T.min(sizes["tile"], sizes["out_width"] - start))
        wide = named((outputs - 1) * sizes["column_stride"] + sizes["kernel_width"])
        x = named(start * sizes["column_stride"] - sizes["left"])
        before = named(within(T.int32(0) - x, T.int32(0), wide))
        inside = named(within(width - x, before, wide) - before)
        for block in range(plan.blocks):
            y = named(row * sizes["row_stride"] - sizes["top"] + ROWS * block)
            pixel = named((n * sizes["height"] + y) * width + x + before)
            call(
                COLUMNS,
                T.address_of(self.x[pixel * channels + channel]),
                self._address(_COLUMNS + block * WORDS_BYTES),
                self._address(_PADDING),
                count,
                *self._rows(y, sizes["height"]),
                before,
                inside,
                wide - before - inside,
                width * channels,
                channels,
                T.int32(plan.column_bytes),
            )
        rows = T.min(sizes["shared_rows"], sizes["out_height"] - row)
        line = n * sizes["out_height"] + row
        self._windows(channel, count, line * sizes["out_width"] + start, rows, outputs)

    def _rows(self, row: Expr, height: Expr) -> tuple[Expr, Expr]:
        """Which of the rows from `row` on are there, of `height` rows."""
        none, all_rows = T.int32(0), T.int32(ROWS)
        return within(none - row, none, all_rows), within(height - row, none, all_rows)

    def _windows(self, channel: Expr, count: Expr, pixel: Expr, rows: Expr, outputs: Expr) -> None:
        plan, requantize, sizes = self.plan, self.plan.requantize, self.sizes
        bias = self._address(_ZEROS)
        if requantize.bias is not None:
            bias = T.address_of(self.buffers[requantize.bias][channel])
        multiplier = self.buffers[requantize.multiplier]
        call(
            routine_name(plan),
            T.address_of(self.scratch[_COLUMNS]),
            self._address(self.weights),
            bias,
            T.address_of(multiplier[0 if requantize.scalar else channel]),
            T.address_of(self.out[pixel * sizes["channels"] + channel]),
            rows,
            outputs,
            sizes["column_stride"] * plan.column_bytes,
            count,
            sizes["out_width"] * sizes["channels"],
            sizes["channels"],
            self.buffers[requantize.offset][0],
            T.int32(requantize.scalar),
        )

    def _address(self, place: Expr) -> Expr:
        return T.address_of(self.scratch[place])
