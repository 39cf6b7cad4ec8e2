"""Loops over elements that Helium computes four at a time."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Graph, Value
from graphopt.schedules.emit import Buffer, Expr, T, loop, named
from graphopt.schedules.mcu.helium.epilogue import LANES, VectorPoints
from graphopt.targets import McuTarget


def emit_flat(
    region: Graph,
    buffers: Mapping[Value, Buffer],
    shape: tuple[int, ...],
    target: McuTarget,
    elements: Expr,
) -> None:
    """Operands are numbers or whole tensors; what is no whole vector is done one by one."""
    points = VectorPoints(region, buffers, shape, target)
    whole = named(T.truncdiv(elements, LANES))
    with loop(whole) as vector:
        points.elements({}, T.int32(0), named(vector * LANES), LANES)
    with loop(elements - whole * LANES) as rest:
        points.elements({}, T.int32(0), named(whole * LANES + rest), 1)


def emit_channels(
    region: Graph,
    buffers: Mapping[Value, Buffer],
    shape: tuple[int, ...],
    target: McuTarget,
    rows: Expr,
    channels: Expr,
) -> None:
    """Some operands have a number for each channel, of which there are whole vectors."""
    points = VectorPoints(region, buffers, shape, target)
    with loop(rows) as row, loop(T.truncdiv(channels, LANES)) as group:
        channel = named(group * LANES)
        points.elements({}, channel, named(row * channels + channel), LANES)
