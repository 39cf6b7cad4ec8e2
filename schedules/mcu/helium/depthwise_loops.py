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
from graphopt.schedules.mcu.helium.weights import STEP

COLUMNS, UNPACK = "helium_columns", "helium_unpack"
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
    "lag",
    "pad_value",
)
# Where scratch holds zeros, the pixel of padding, and unpacked weights; columns and the weights of
# 16 channels follow, in this order, so that what is read behind the columns is known.
_ZEROS, _PADDING, _UNPACKED = 0, WORDS_BYTES, WORDS_BYTES + CHANNELS


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
        self.unpacked = self._unpacked_bytes()
        self.columns = named(_UNPACKED + self.unpacked)
        self.tile_bytes = named(wide * plan.column_bytes)
        self.weights = named(self.columns + (self.sizes["lag"] + 1) * self.tile_bytes)
        self.weight_bytes = plan.taps * plan.column_bytes

    def emit(self) -> None:
        """16 channels after the other: their weights, then rows of tiles."""
        sizes = self.sizes
        with loop(WORDS_BYTES) as i:
            T.buffer_store(self.scratch, tirx.const(0, "uint8"), [_ZEROS + i])
        with loop(CHANNELS) as i:
            T.buffer_store(self.scratch, tirx.Cast("uint8", sizes["pad_value"]), [_PADDING + i])
        if self.plan.bits < 8:
            packed = T.truncdiv(self.unpacked * self.plan.bits, 8)
            source, to = T.address_of(self.w[0]), self._address(_UNPACKED)
            call(UNPACK, source, to, packed, T.int32(self.plan.bits))
        channels, shared = sizes["channels"], sizes["shared_rows"]
        with loop(sizes["batch"]) as n, loop(steps(channels, T.int32(CHANNELS))) as group:
            channel = named(group * CHANNELS)
            count = named(T.min(T.int32(CHANNELS), channels - channel))
            with loop(shared) as shift:
                self._weights(shift, channel, count)
            self._tiles(n, channel, count)

    def _tiles(self, n: Expr, channel: Expr, count: Expr) -> None:
        """Gather the columns of each tile, and store the outputs of the one `lag` before it."""
        sizes, lag = self.sizes, self.sizes["lag"]
        across = named(steps(sizes["out_width"], sizes["tile"]))
        tiles = named(steps(sizes["out_height"], sizes["shared_rows"]) * across)
        with loop(tiles + lag) as number:
            with T.If(number < tiles), T.Then():
                self._gather(n, channel, count, *self._tile(number, across))
            with T.If(number >= lag), T.Then():
                self._windows(n, channel, count, *self._tile(number - lag, across))

    def _tile(self, number: Expr, across: Expr) -> tuple[Expr, Expr, Expr, Expr]:
        """The first row and column of a tile, how many columns, and where theirs of x lie."""
        sizes = self.sizes
        row = named(T.truncdiv(number, across) * sizes["shared_rows"])
        start = named(T.truncmod(number, across) * sizes["tile"])
        place = self.columns + T.truncmod(number, sizes["lag"] + 1) * self.tile_bytes
        return row, start, named(T.min(sizes["tile"], sizes["out_width"] - start)), named(place)

    def _unpacked_bytes(self) -> Expr:
        if self.plan.bits == 8:
            return T.int32(0)
        sizes, unit = self.sizes, T.int32(STEP * 8 // self.plan.bits)
        weights = sizes["kernel_height"] * sizes["kernel_width"] * sizes["channels"]
        return named(steps(weights, unit) * unit)

    def _weights(self, shift: Expr, channel: Expr, count: Expr) -> None:
        """The weights of the output row `shift` of those that share their columns."""
        sizes = self.sizes
        width, channels = sizes["kernel_width"], sizes["channels"]
        for block in range(self.plan.blocks):
            row = named(ROWS * block - shift * sizes["row_stride"])
            first = row * width * channels + channel
            source = T.address_of(self.w[first])
            if self.plan.bits < 8:
                source = self._address(_UNPACKED + first)
            call(
                COLUMNS,
                source,
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

    def _gather(
        self, n: Expr, channel: Expr, count: Expr, row: Expr, start: Expr, outputs: Expr, to: Expr
    ) -> None:
        plan, sizes = self.plan, self.sizes
        width, channels = sizes["width"], sizes["channels"]
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
                self._address(to + block * WORDS_BYTES),
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

    def _rows(self, row: Expr, height: Expr) -> tuple[Expr, Expr]:
        """Which of the rows from `row` on are there, of `height` rows."""
        none, all_rows = T.int32(0), T.int32(ROWS)
        return within(none - row, none, all_rows), within(height - row, none, all_rows)

    def _windows(
        self, n: Expr, channel: Expr, count: Expr, row: Expr, start: Expr, outputs: Expr, at: Expr
    ) -> None:
        plan, requantize, sizes = self.plan, self.plan.requantize, self.sizes
        pixel = (n * sizes["out_height"] + row) * sizes["out_width"] + start
        bias = self._address(_ZEROS)
        if requantize.bias is not None:
            bias = T.address_of(self.buffers[requantize.bias][channel])
        multiplier = self.buffers[requantize.multiplier]
        call(
            routine_name(plan),
            self._address(at),
            self._address(self.weights),
            bias,
            T.address_of(multiplier[0 if requantize.scalar else channel]),
            T.address_of(self.out[pixel * sizes["channels"] + channel]),
            T.min(sizes["shared_rows"], sizes["out_height"] - row),
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
