"""Loops over elements that are computed one by one."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Graph, Value
from graphopt.schedules.emit import Buffer, Expr, T, rolled
from graphopt.schedules.mcu.epilogue import Points
from graphopt.targets import McuTarget


def emit_flat(
    region: Graph,
    buffers: Mapping[Value, Buffer],
    shape: tuple[int, ...],
    target: McuTarget,
    elements: Expr,
) -> None:
    """Operands are numbers or whole tensors."""
    points = Points(region, buffers, shape, target)
    numbers = points.channel(T.int32(0))
    with rolled(elements) as position:
        points.finish({**numbers}, position)


def emit_channels(
    region: Graph,
    buffers: Mapping[Value, Buffer],
    shape: tuple[int, ...],
    target: McuTarget,
    rows: Expr,
    channels: Expr,
) -> None:
    """Some operands have a number for each index of the last dimension."""
    points = Points(region, buffers, shape, target)
    with rolled(rows) as row, rolled(channels) as channel:
        points.finish(points.channel(channel), row * channels + channel)
