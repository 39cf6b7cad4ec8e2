"""The loops of scalar depthwise convolutions: one channel after the other, some rows at a time."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx
from tvm.tirx import PrimFunc

from graphopt.ir import DType, Value
from graphopt.schedules.emit import Buffer, Expr, Registers, T, loop, named, sized_kernel, view
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.scalar.calls import at, call
from graphopt.schedules.mcu.scalar.depthwise import DepthwisePlan
from graphopt.schedules.mcu.scalar.weights import bias_of
from graphopt.schedules.mcu.scalar.window import SIZES

_NAMES = (*SIZES, "multiplier", "phase", "batch_rows", "batches", "sums")


def build(plan: DepthwisePlan) -> PrimFunc:
    """The function of `plan`."""
    dtype = plan.weights.type.dtype
    name = {16: "int16", 8: "int8" if dtype.is_signed else "uint8"}.get(dtype.bits, "uint8")
    packed = {plan.where.input_index(plan.weights): name}

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer, *sizes: Expr) -> None:
        _Loops(plan, buffers, scratch, dict(zip(_NAMES, sizes, strict=True))).emit()

    return sized_kernel(plan.where.region, _NAMES, body, packed, scratch_bytes=1)


class _Loops:
    """The statements of one kernel. Scratch holds taps, sums, and the rows of one channel."""

    def __init__(
        self,
        plan: DepthwisePlan,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer,
        sizes: Mapping[str, Expr],
    ) -> None:
        self.plan, self.buffers, self.sizes = plan, buffers, sizes
        self.rows, self.halves, self.words = scratch, view(scratch, "int16"), view(scratch, "int32")
        self.stride = plan.window.stride_x
        self.shift = T.int32(self.stride.bit_length() - 1)
        # Signed bytes are copied as if they were unsigned: 128 more.
        self.flip = 128 if plan.x.type.dtype is DType.I8 else 0
        self.taps = named(sizes["kernel_y"] * sizes["kernel_x"])
        self.row = named(sizes["phase"] * self.stride)
        self.extent = named((sizes["kernel_y"] - 1) * sizes["dilation_y"] + 1)
        self.rows_at = named((self.taps + sizes["sums"]) * 4)
        self.epilogue = Epilogue(plan.where, buffers, plan.target)
        self.state = Registers(1, 1, "int32")

    def emit(self) -> None:
        sizes = self.sizes
        buffered = (sizes["batch_rows"] - 1) * sizes["stride_y"] + self.extent
        self._pad(T.int32(0), buffered * self.row)
        self._place_taps()
        with loop(sizes["batch"]) as image, loop(sizes["channels"]) as channel:
            with loop(sizes["multiplier"]) as copy:
                output = named(channel * sizes["multiplier"] + copy)
                bias = self.buffers[self.plan.where.anchor.inputs[2]]
                start = named(bias[output] - self._read_taps(output) * self.flip)
                with loop(sizes["batches"]) as batch:
                    first = named(batch * sizes["batch_rows"])
                    rows = named(T.min(sizes["batch_rows"], sizes["rows"] - first))
                    self._read_rows(image, channel, first, rows)
                    self._multiply(rows, start)
                    pixel = (image * sizes["rows"] + first) * sizes["columns"]
                    self._finish(output, pixel, rows * sizes["columns"])

    def _place_taps(self) -> None:
        """The way to each tap from the one before it, in the lower halves of the taps."""
        sizes = self.sizes
        self.state.set(0, T.int32(0))
        with loop(sizes["kernel_y"]) as y, loop(sizes["kernel_x"]) as x:
            column = named(x * sizes["dilation_x"])
            place = named(
                y * sizes["dilation_y"] * self.row
                + T.bitwise_and(column, self.stride - 1) * sizes["phase"]
                + T.shift_right(column, self.shift)
            )
            way = tirx.Cast("int16", place - self.state.get(0))
            T.buffer_store(self.halves, way, [(y * sizes["kernel_x"] + x) * 2])
            self.state.set(0, place)

    def _read_taps(self, output: Expr) -> Expr:
        """The weights of one output channel, in the upper halves of the taps; returns their sum."""
        self.state.set(0, T.int32(0))
        with loop(self.taps) as tap:
            weight = named(self._weight(output, tap))
            T.buffer_store(self.halves, tirx.Cast("int16", weight), [tap * 2 + 1])
            self.state.set(0, self.state.get(0) + weight)
        return self.state.get(0)

    def _weight(self, output: Expr, tap: Expr) -> Expr:
        weights, dtype = self.buffers[self.plan.weights], self.plan.weights.type.dtype
        if dtype.bits >= 8:
            return tirx.Cast("int32", weights[output * self.taps + tap])
        each = 8 // dtype.bits
        per_byte = T.int32(each.bit_length() - 1)
        row = T.shift_right(self.taps + (each - 1), per_byte)
        byte = tirx.Cast("int32", weights[output * row + T.shift_right(tap, per_byte)])
        shifted = T.shift_right(byte, T.bitwise_and(tap, each - 1) * dtype.bits)
        return T.bitwise_and(shifted, (1 << dtype.bits) - 1) - bias_of(dtype)

    def _read_rows(self, image: Expr, channel: Expr, first: Expr, rows: Expr) -> None:
        """All rows that `rows` output rows from `first` on read; some are there already."""
        sizes = self.sizes
        kept = named(T.max(self.extent - sizes["stride_y"], 0))
        missing = Registers(1, 1, "int32")
        missing.set(0, T.int32(0))
        with T.If(first > 0), T.Then():
            missing.set(0, kept)
            done = sizes["batch_rows"] * sizes["stride_y"] * self.row
            self._gather(
                self.rows, self.rows_at, self.rows, self.rows_at + done, kept * self.row, 1, 0
            )
        from_row = named(missing.get(0))
        needed = (rows - 1) * sizes["stride_y"] + self.extent
        with loop(needed - from_row) as i:
            row = named(from_row + i)
            y = named(first * sizes["stride_y"] - sizes["pad_y"] + row)
            with T.If(T.And(y >= 0, y < sizes["height"])):
                with T.Then():
                    line = (image * sizes["height"] + y) * sizes["width"]
                    self._read_row(line * sizes["channels"] + channel, row * self.row)
                with T.Else():
                    self._pad(row * self.row, self.row)

    def _read_row(self, start: Expr, to: Expr) -> None:
        """One row of the map, its columns by their remainder of the stride."""
        sizes = self.sizes
        start, to = named(start), named(self.rows_at + to)
        for remainder in range(self.stride):
            column = named(T.bitwise_and(remainder - sizes["pad_x"], self.stride - 1))
            place = named(T.shift_right(column + sizes["pad_x"], self.shift))
            inside = T.shift_right(sizes["width"] - column + (self.stride - 1), self.shift)
            count = T.min(inside, sizes["phase"] - place)
            self._gather(
                self.rows,
                to + remainder * sizes["phase"] + place,
                self.buffers[self.plan.x],
                start + column * sizes["channels"],
                count,
                sizes["channels"] * self.stride,
                self.flip,
            )

    def _gather(
        self,
        to: Buffer,
        to_at: Expr,
        source: Buffer,
        source_at: Expr,
        count: Expr,
        step: Expr | int,
        flip: int,
    ) -> None:
        pointers = at(to, to_at), at(source, source_at)
        T.evaluate(call("scalar_gather", *pointers, count, step, flip))

    def _pad(self, to: Expr, count: Expr) -> None:
        pad = T.bitwise_xor(self.sizes["pad_value"], self.flip)
        to = named(self.rows_at + to)
        with loop(count) as i:
            T.buffer_store(self.rows, tirx.Cast("uint8", pad), [to + i])

    def _multiply(self, rows: Expr, start: Expr) -> None:
        sizes = self.sizes
        step = named(sizes["stride_y"] * self.row)
        pointers = at(self.rows, self.rows_at), at(self.words, 0), at(self.words, self.taps)
        T.evaluate(call("scalar_taps", *pointers, self.taps, sizes["columns"], rows, step, start))

    def _finish(self, output: Expr, pixel: Expr, count: Expr) -> None:
        outputs = self.sizes["outputs"]
        position = named(pixel * outputs + output)
        found = self.plan.requantization
        if found is None:
            operands = self.epilogue.channel(output)
            with loop(count) as i:
                self.epilogue.store(operands, self.words[self.taps + i], position + i * outputs)
            return
        (result,) = self.plan.where.region.outputs
        each = found.multiplier.type.elements > 1
        T.evaluate(
            call(
                "scalar_requantize",
                at(self.words, self.taps),
                at(self.buffers[found.multiplier], output if each else 0),
                at(self.buffers[result], position),
                count,
                0,
                outputs,
                self.buffers[found.offset][0],
                found.low,
                found.high,
            )
        )
