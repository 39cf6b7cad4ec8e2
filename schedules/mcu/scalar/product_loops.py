"""The loops of scalar products: copy a window, multiply it with all channels, finish the sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvm import tirx
from tvm.tirx import PrimFunc

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, Registers, T, loop, named, sized_kernel, view
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.scalar.calls import at, call
from graphopt.schedules.mcu.scalar.product import CHUNK, ProductPlan
from graphopt.schedules.mcu.scalar.weights import CHANNELS, DEPTH, bias_of
from graphopt.schedules.mcu.scalar.window import SIZES


def build(plan: ProductPlan) -> PrimFunc:
    """The function of `plan`; its sizes are those of the window and the groups."""
    dtype = "uint16" if plan.weights.type.dtype.bits == 16 else "uint8"
    packed = {plan.where.input_index(plan.weights): dtype}
    if plan.bias is not None:
        packed[plan.where.input_index(plan.bias)] = "int32"

    names = (*SIZES, "groups", "group_channels", "group_outputs")

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer, *sizes: Expr) -> None:
        _Loops(plan, buffers, scratch, dict(zip(names, sizes, strict=True))).emit()

    return sized_kernel(plan.where.region, names, body, packed, scratch_bytes=1)


class _Loops:
    """The statements of one kernel. Scratch holds windows as i16, then the sums of a chunk."""

    def __init__(
        self,
        plan: ProductPlan,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer,
        sizes: Mapping[str, Expr],
    ) -> None:
        self.plan, self.buffers, self.sizes = plan, buffers, sizes
        self.wide, self.sums = view(scratch, "int16"), view(scratch, "int32")
        self.group_channels = sizes["group_channels"]
        self.group_outputs = sizes["group_outputs"]
        self.depth = named(self.group_channels * sizes["kernel_y"] * sizes["kernel_x"])
        self.padded_depth = named(T.bitwise_and(self.depth + (DEPTH - 1), -DEPTH))
        # Windows follow each other in half-words, behind the words made of two of them.
        halves = plan.together + plan.words
        windows = T.shift_right(self.padded_depth * halves, T.int32(1))
        self.sums_at = T.int32(0) if plan.direct else named(windows)
        self.epilogue = Epilogue(plan.where, buffers, plan.target)
        self.copied, self.total = Registers(1, 1, "int32"), Registers(1, 1, "int32")
        self.starts = Registers(plan.together, 1, "int32")

    def emit(self) -> None:
        sizes = self.sizes
        if self.plan.direct:
            self._emit_vector()
            return
        with loop(self.plan.together) as window, loop(self.padded_depth - self.depth) as i:
            T.buffer_store(self.wide, T.int16(0), [self._window_at(window) + self.depth + i])
        if self.plan.window.flat:
            pixels = named(sizes["batch"] * sizes["height"] * sizes["width"])
            self._emit_row(pixels, T.int32(0), T.int32(0), self._copy_pixel)
            return
        with loop(sizes["batch"]) as image, loop(sizes["rows"]) as row:
            first = named((image * sizes["rows"] + row) * sizes["columns"])
            with loop(sizes["groups"] if self.plan.groups > 1 else 1) as group:

                def copy(column: Expr) -> None:
                    self._copy_window(image, row, column, group)

                self._emit_row(sizes["columns"], first, group, copy)

    def _emit_vector(self) -> None:
        """The only window is x itself."""
        x, bias = self.buffers[self.plan.x], bias_of(self.plan.weights.type.dtype)
        self.total.set(0, T.int32(0))
        with loop(self.depth) as i:
            self.total.set(0, self.total.get(0) + tirx.Cast("int32", x[i]))
        self.starts.set(0, self.total.get(0) * -bias)
        self._multiply(T.int32(1), T.int32(0), T.int32(0))

    def _window_at(self, window: Expr) -> Expr:
        return self.padded_depth * (window + int(self.plan.words))

    def _emit_row(
        self, pixels: Expr, first: Expr, group: Expr, copy: Callable[[Expr], None]
    ) -> None:
        """Neighbouring pixels from number `first` on; `copy` emits the copy of one window."""
        together = self.plan.together
        blocks = T.shift_right(pixels + (together - 1), T.int32(together - 1))
        with loop(blocks) as block:
            start = named(block * together)
            count = named(T.min(T.int32(together), pixels - start)) if together > 1 else T.int32(1)
            with loop(count) as window:
                self.copied.set(0, self._window_at(window))
                self.total.set(0, T.int32(0))
                copy(start + window)
                bias = bias_of(self.plan.weights.type.dtype)
                self.starts.set(window, self.total.get(0) * -bias)
            self._multiply(count, (first + start) * self.sizes["outputs"], group)

    def _copy_pixel(self, pixel: Expr) -> None:
        self._copy(pixel * self.sizes["channels"], self.depth)

    def _copy_window(self, image: Expr, row: Expr, column: Expr, group: Expr) -> None:
        sizes = self.sizes
        top = named(row * sizes["stride_y"] - sizes["pad_y"])
        left = named(column * sizes["stride_x"] - sizes["pad_x"])
        if not self.plan.runs:
            self._copy_lines(image, top, left, group)
            return
        bottom = top + (sizes["kernel_y"] - 1) * sizes["dilation_y"]
        right = left + (sizes["kernel_x"] - 1)
        rows_inside = T.And(top >= 0, bottom < sizes["height"])
        columns_inside = T.And(left >= 0, right < sizes["width"])
        with T.If(T.And(rows_inside, columns_inside)):
            with T.Then():
                start = (image * sizes["height"] + top) * sizes["width"] + left
                self._copy_inside(named(start * sizes["channels"]))
            with T.Else():
                self._copy_lines(image, top, left, group)

    def _copy_inside(self, start: Expr) -> None:
        """A window without padding: one run for each kernel row."""
        sizes = self.sizes
        run = named(sizes["kernel_x"] * sizes["channels"])
        step = named(sizes["width"] * sizes["dilation_y"] * sizes["channels"])
        with loop(sizes["kernel_y"]) as tap:
            self._copy(start + tap * step, run)

    def _copy_lines(self, image: Expr, top: Expr, left: Expr, group: Expr) -> None:
        """A window that may leave the map."""
        sizes = self.sizes
        with loop(sizes["kernel_y"]) as tap:
            y = named(top + tap * sizes["dilation_y"])
            line = named((image * sizes["height"] + y) * sizes["width"])
            with T.If(T.And(y >= 0, y < sizes["height"])):
                with T.Then():
                    if self.plan.runs:
                        self._copy_run(line, left)
                    else:
                        self._copy_taps(line, left, group)
                with T.Else():
                    self._fill(sizes["kernel_x"] * self.group_channels)

    def _copy_run(self, line: Expr, left: Expr) -> None:
        """All taps of a kernel row, of which some may lie outside of the map."""
        channels, taps = self.sizes["channels"], self.sizes["kernel_x"]
        before = named(T.max(T.min(-left, taps), 0))
        behind = named(T.max(T.min(left + taps - self.sizes["width"], taps), 0))
        self._fill(before * channels)
        self._copy((line + left + before) * channels, (taps - before - behind) * channels)
        self._fill(behind * channels)

    def _copy_taps(self, line: Expr, left: Expr, group: Expr) -> None:
        """The same tap by tap, of one group of channels."""
        with loop(self.sizes["kernel_x"]) as tap:
            x = named(left + tap * self.sizes["dilation_x"])
            with T.If(T.And(x >= 0, x < self.sizes["width"])):
                with T.Then():
                    start = (line + x) * self.sizes["channels"] + group * self.group_channels
                    self._copy(start, self.group_channels)
                with T.Else():
                    self._fill(self.group_channels)

    def _fill(self, count: Expr) -> None:
        pad = self.sizes["pad_value"]
        where = named(self.copied.get(0))
        with loop(count) as i:
            T.buffer_store(self.wide, tirx.Cast("int16", pad), [where + i])
        self.total.set(0, self.total.get(0) + pad * count)
        self.copied.set(0, where + count)

    def _copy(self, start: Expr, count: Expr) -> None:
        x = self.buffers[self.plan.x]
        where, count = named(self.copied.get(0)), named(count)
        total = call(self.plan.widen, at(self.wide, where), at(x, start), count)
        self.total.set(0, self.total.get(0) + total)
        self.copied.set(0, where + count)

    def _multiply(self, pixels: Expr, position: Expr, group: Expr) -> None:
        """All outputs of one group for the windows in scratch, from `position` on."""
        outputs = self.group_outputs
        padded = named(T.bitwise_and(outputs + (CHANNELS - 1), -CHANNELS))
        position = named(position + group * outputs)
        if self.plan.words:
            with T.If(pixels > 1), T.Then():
                windows = (at(self.wide, self._window_at(window)) for window in range(2))
                words = at(self.sums, 0)
                T.evaluate(call("scalar_combine", words, *windows, self.padded_depth))
        with loop(T.shift_right(outputs + (CHUNK - 1), T.int32(CHUNK.bit_length() - 1))) as chunk:
            first = named(chunk * CHUNK)
            blocks = T.shift_right(T.min(T.int32(CHUNK), padded - first), T.int32(3))
            self._sum_products(pixels, named(group * padded + first), named(blocks))
            count = named(T.min(T.int32(CHUNK), outputs - first))
            with loop(pixels) as pixel:
                self._finish(
                    self.sums_at + pixel * CHUNK,
                    group * outputs + first,
                    position + pixel * self.sizes["outputs"] + first,
                    count,
                )

    def _sum_products(self, pixels: Expr, first: Expr, blocks: Expr) -> None:
        """The sums of `blocks` blocks of channels, from packed channel `first` on."""
        weights, bits = self.buffers[self.plan.weights], self.plan.weights.type.dtype.bits
        elements = first * self.padded_depth
        weights_at = T.shift_right(elements * bits, T.int32(3)) if bits < 8 else elements
        sums = at(self.sums, self.sums_at)
        bias = sums
        if self.plan.bias is not None:
            bias = at(self.buffers[self.plan.bias], first)
        else:
            with loop(blocks * CHANNELS) as i:
                T.buffer_store(self.sums, T.int32(0), [self.sums_at + i])
        pointers = at(weights, weights_at), bias, sums
        sizes = self.padded_depth, blocks, self.starts.get(0)
        window = at(self.wide, self._window_at(T.int32(0)))
        if self.plan.direct:
            window = at(self.buffers[self.plan.x], 0)
        alone = call(self.plan.dots, window, *pointers, *sizes)
        if self.plan.together == 1:
            T.evaluate(alone)
            return
        group = (self.plan.group,) if self.plan.words else ()
        both = at(self.wide, 0), *pointers, *sizes, self.starts.get(1), *group
        with T.If(pixels > 1):
            with T.Then():
                T.evaluate(call(self.plan.pairs, *both))
            with T.Else():
                T.evaluate(alone)

    def _finish(self, sums_at: Expr, channel: Expr, position: Expr, count: Expr) -> None:
        found = self.plan.requantization
        sums_at, position = named(sums_at), named(position)
        if found is None:
            with loop(count) as i:
                operands = self.epilogue.channel(channel + i)
                self.epilogue.store(operands, self.sums[sums_at + i], position + i)
            return
        (output,) = self.plan.where.region.outputs
        each = found.multiplier.type.elements > 1
        T.evaluate(
            call(
                "scalar_requantize",
                at(self.sums, sums_at),
                at(self.buffers[found.multiplier], channel if each else 0),
                at(self.buffers[output], position),
                count,
                4 if each else 0,
                1,
                self.buffers[found.offset][0],
                found.low,
                found.high,
            )
        )
