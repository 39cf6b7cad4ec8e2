"""The loops of scalar products: copy a window, multiply it with all channels, finish the sums."""

from __future__ import annotations

from collections.abc import Mapping

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
    """The statements of one kernel. Scratch holds the window as i16, then the sums of a chunk."""

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
        self.sums_at = named(T.shift_right(self.padded_depth, T.int32(1)))
        self.epilogue = Epilogue(plan.where, buffers, plan.target)
        self.state = Registers(2, 1, "int32")  # the sum of the window, and how much is copied

    def emit(self) -> None:
        with loop(self.padded_depth - self.depth) as i:
            T.buffer_store(self.wide, T.int16(0), [self.depth + i])
        if self.plan.window.flat:
            with loop(self.sizes["width"] * self.sizes["height"] * self.sizes["batch"]) as pixel:
                self._start_window()
                self._copy(pixel * self.sizes["channels"], self.depth)
                self._multiply(pixel * self.sizes["outputs"], T.int32(0))
            return
        with loop(self.sizes["batch"]) as image, loop(self.sizes["rows"]) as row:
            with loop(self.sizes["columns"]) as column:
                pixel = (image * self.sizes["rows"] + row) * self.sizes["columns"] + column
                with loop(self.sizes["groups"] if self.plan.groups > 1 else 1) as group:
                    self._start_window()
                    self._copy_window(image, row, column, group)
                    self._multiply(pixel * self.sizes["outputs"], group)

    def _start_window(self) -> None:
        self.state.set(0, T.int32(0))
        self.state.set(1, T.int32(0))

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
        where = named(self.state.get(1))
        with loop(count) as i:
            T.buffer_store(self.wide, tirx.Cast("int16", pad), [where + i])
        self.state.set(0, self.state.get(0) + pad * count)
        self.state.set(1, where + count)

    def _copy(self, start: Expr, count: Expr) -> None:
        x = self.buffers[self.plan.x]
        where, count = named(self.state.get(1)), named(count)
        total = call(self.plan.widen, at(self.wide, where), at(x, start), count)
        self.state.set(0, self.state.get(0) + total)
        self.state.set(1, where + count)

    def _multiply(self, position: Expr, group: Expr) -> None:
        """All outputs of one group for the window in scratch, from `position` on."""
        dtype = self.plan.weights.type.dtype
        start = named(self.state.get(0) * -bias_of(dtype))
        outputs = self.group_outputs
        padded = named(T.bitwise_and(outputs + (CHANNELS - 1), -CHANNELS))
        with loop(T.shift_right(outputs + (CHUNK - 1), T.int32(CHUNK.bit_length() - 1))) as chunk:
            first = named(chunk * CHUNK)
            blocks = T.shift_right(T.min(T.int32(CHUNK), padded - first), T.int32(3))
            self._dots(named(group * padded + first), named(blocks), start)
            channel = group * outputs + first
            self._finish(channel, position + channel, T.min(T.int32(CHUNK), outputs - first))

    def _dots(self, first: Expr, blocks: Expr, start: Expr) -> None:
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
        pointers = at(self.wide, 0), at(weights, weights_at), bias, sums
        T.evaluate(call(self.plan.dots, *pointers, self.padded_depth, blocks, start))

    def _finish(self, channel: Expr, position: Expr, count: Expr) -> None:
        found = self.plan.requantization
        if found is None:
            with loop(count) as i:
                operands = self.epilogue.channel(channel + i)
                self.epilogue.store(operands, self.sums[self.sums_at + i], position + i)
            return
        (output,) = self.plan.where.region.outputs
        each = found.multiplier.type.elements > 1
        T.evaluate(
            call(
                "scalar_requantize",
                at(self.sums, self.sums_at),
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
