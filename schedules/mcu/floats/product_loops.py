"""Loops of dense products of f32: blocks of pixels by blocks of output channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphopt.ir import Value
from graphopt.schedules.emit import (
    Buffer,
    Expr,
    Registers,
    T,
    in_memory,
    loop,
    named,
    rolled,
    view,
)
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.floats.geometry import Geometry
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


def emit_rows(
    where: Anchored,
    buffers: Mapping[Value, Buffer],
    target: McuTarget,
    shape: tuple[int, int],
    pixels: Expr,
    depth: Expr,
    outputs: Expr,
) -> None:
    """Each pixel is a row of the input; the last block may read its last row twice."""
    block = _Block(where, buffers, target, depth, outputs, shape)
    x, width = buffers[where.anchor.inputs[0]], shape[0]
    with rolled(T.truncdiv(pixels + width - 1, width)) as number:
        first = named(number * width)
        starts = [named(T.min(first + p, pixels - 1) * depth) for p in range(width)]
        block.emit(first, pixels, lambda p, k: x[starts[p] + k])


def emit_windows(
    where: Anchored,
    buffers: Mapping[Value, Buffer],
    target: McuTarget,
    shape: tuple[int, int],
    scratch: Buffer,
    *sizes: Expr,
) -> None:
    """Each pixel is a window, copied to scratch, zeros where it leaves the input."""
    g = Geometry(*sizes)
    depth = named(g.kernel_rows * g.kernel_columns * g.channels)
    pixels = named(g.batch * g.out_rows * g.out_columns)
    block = _Block(where, buffers, target, depth, g.outputs, shape)
    x, windows, width = buffers[where.anchor.inputs[0]], view(scratch, "float32"), shape[0]
    with rolled(T.truncdiv(pixels + width - 1, width)) as number:
        first = named(number * width)
        with rolled(width) as p:
            _copy_window(g, x, windows, named(T.min(first + p, pixels - 1)), named(p * depth))
        block.emit(first, pixels, lambda p, k: windows[p * depth + k])


def _copy_window(g: Geometry, x: Buffer, windows: Buffer, pixel: Expr, start: Expr) -> None:
    line = named(T.truncdiv(pixel, g.out_columns))
    column = named(pixel - line * g.out_columns)
    image = named(T.truncdiv(line, g.out_rows))
    row = named(line - image * g.out_rows)
    with rolled(g.kernel_rows) as i, rolled(g.kernel_columns) as j:
        y = named(row * g.stride_rows - g.pad_rows + i * g.dilation_rows)
        z = named(column * g.stride_columns - g.pad_columns + j * g.dilation_columns)
        source = named(((image * g.in_rows + y) * g.in_columns + z) * g.channels)
        target = named(start + (i * g.kernel_columns + j) * g.channels)
        inside = T.And(T.And(y >= 0, y < g.in_rows), T.And(z >= 0, z < g.in_columns))
        with T.If(inside):
            with T.Then(), rolled(g.channels) as c:
                T.buffer_store(windows, x[source + c], [target + c])
            with T.Else(), rolled(g.channels) as c:
                T.buffer_store(windows, T.float32(0), [target + c])


class _Block:
    """All outputs of a few pixels, a few channels at a time."""

    def __init__(
        self,
        where: Anchored,
        buffers: Mapping[Value, Buffer],
        target: McuTarget,
        depth: Expr,
        outputs: Expr,
        block: tuple[int, int],
    ) -> None:
        self.epilogue = Epilogue(where, buffers, target)
        self.instructions = self.epilogue.instructions
        self.pixels, self.channels = block
        _, weights, *bias = where.anchor.inputs
        self.weights = buffers[weights]
        self.bias = buffers[bias[0]] if bias else None
        self.depth = depth
        self.outputs = outputs

    def emit(self, first: Expr, pixels: Expr, x: Callable[[int, Expr], Expr]) -> None:
        """The pixels from `first` on, of which `x(p, k)` is element k of the p-th."""
        with rolled(T.truncdiv(self.outputs + self.channels - 1, self.channels)) as number:
            sums = Registers(self.pixels * self.channels, 1)
            for i in range(self.pixels * self.channels):
                sums.set(i, T.float32(0))
            start = named(number * self.channels * self.depth)
            with loop(self.depth) as k:
                elements = [named(x(p, k)) for p in range(self.pixels)]
                for c in range(self.channels):
                    weight = named(self.weights[start + k * self.channels + c])
                    for p, element in enumerate(elements):
                        i = c * self.pixels + p
                        sums.set(i, self.instructions.multiply_add(element, weight, sums.get(i)))
            self._store(in_memory(sums), first, pixels, named(number * self.channels))

    def _store(self, sums: Registers, first: Expr, pixels: Expr, channel: Expr) -> None:
        with rolled(T.min(T.int32(self.channels), self.outputs - channel)) as c:
            operands = self.epilogue.channel(channel + c)
            bias = None if self.bias is None else named(self.bias[channel + c])
            with rolled(T.min(T.int32(self.pixels), pixels - first)) as p:
                total = sums.get(c * self.pixels + p)
                position = named((first + p) * self.outputs + channel + c)
                self.epilogue.store(operands, total if bias is None else total + bias, position)
