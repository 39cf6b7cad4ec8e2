"""Loops of depthwise convolutions of f32."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.schedules.emit import (
    Buffer,
    Expr,
    Registers,
    T,
    in_memory,
    named,
    rolled,
)
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.floats.depthwise import CHANNELS
from graphopt.schedules.mcu.floats.geometry import Geometry
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


def emit_depthwise(
    where: Anchored, buffers: Mapping[Value, Buffer], target: McuTarget, *sizes: Expr
) -> None:
    """Pixels, blocks of channels, taps."""
    g = Geometry(*sizes)
    epilogue = Epilogue(where, buffers, target)
    x, weights, *bias = (buffers[value] for value in where.anchor.inputs)
    taps = named(g.kernel_rows * g.kernel_columns)
    with rolled(g.batch) as image, rolled(g.out_rows) as row:
        top = named(row * g.stride_rows - g.pad_rows)
        rows = _inside(top, g.kernel_rows, g.dilation_rows, g.in_rows)
        with rolled(g.out_columns) as column:
            left = named(column * g.stride_columns - g.pad_columns)
            columns = _inside(left, g.kernel_columns, g.dilation_columns, g.in_columns)
            pixel = named(((image * g.out_rows + row) * g.out_columns + column) * g.channels)
            start = named(((image * g.in_rows + top) * g.in_columns + left) * g.channels)
            with rolled(T.truncdiv(g.channels + CHANNELS - 1, CHANNELS)) as block:
                first = named(block * CHANNELS)
                held = named(T.min(T.int32(CHANNELS), g.channels - first))
                sums = Registers(CHANNELS, 1)
                for c in range(CHANNELS):
                    sums.set(c, T.float32(0))
                # Past the last channel the last is read again, and multiplied by zero.
                lanes = [named(T.min(T.int32(c), held - 1)) for c in range(CHANNELS)]
                with rolled(rows[1] - rows[0]) as ahead:
                    i = rows[0] + ahead
                    line = named(start + first + i * g.dilation_rows * g.in_columns * g.channels)
                    tap = named((block * taps + i * g.kernel_columns) * CHANNELS)
                    with rolled(columns[1] - columns[0]) as beside:
                        j = columns[0] + beside
                        place = line + j * g.dilation_columns * g.channels
                        for c, lane in enumerate(lanes):
                            product = x[place + lane], weights[tap + j * CHANNELS + c]
                            total = epilogue.instructions.multiply_add(*product, sums.get(c))
                            sums.set(c, total)
                kept = in_memory(sums)
                with rolled(held) as c:
                    channel = named(first + c)
                    total = kept.get(c) + bias[0][channel] if bias else kept.get(c)
                    epilogue.store(epilogue.channel(channel), total, pixel + channel)


def _inside(start: Expr, taps: Expr, dilation: Expr, size: Expr) -> tuple[Expr, Expr]:
    """The first tap that is inside of the map, and the one behind the last."""
    first = T.truncdiv(T.max(T.int32(0), T.int32(0) - start) + dilation - 1, dilation)
    behind = T.truncdiv(T.max(T.int32(0), size - start) + dilation - 1, dilation)
    return named(T.min(taps, first)), named(T.min(taps, behind))
