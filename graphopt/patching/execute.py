"""The interpreter of patched regions: tile by tile, in buffers as small as the plan says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphopt.analysis.tiles import tile
from graphopt.interpreter import run_body
from graphopt.ir import Array, Value
from graphopt.ops import Patched
from graphopt.patching.accumulate import accumulation
from graphopt.patching.events import Emit, Fetch, Fire, Slide, Window
from graphopt.patching.firings import fire


def execute(op: Patched, *inputs: Array) -> tuple[Array, ...]:
    """Run a region as it will run on a target: the same as its body, event by event.

    Buffers hold nothing but the rows that the plan keeps, so that a plan which drops a row too
    early gives other results than the body.

    Raises:
        PlanError: the region can not be executed so.
    """
    firings = fire(op)
    memory: dict[Value, Array] = dict(zip(op.body.inputs, inputs, strict=True))
    memory |= dict(op.body.constants)
    whole = dict(memory)
    for value in op.body.outputs:
        whole[value] = memory[value] = np.empty(value.type.dims, value.type.dtype.numpy)
    for value, buffer in firings.buffers.items():
        shape = (1, buffer.rows, buffer.columns, value.type.dims[3])
        memory[value] = np.empty(shape, value.type.dtype.numpy)
    start: dict[Value, int] = dict.fromkeys(firings.buffers, 0)

    def view(window: Window) -> Array:
        """The rectangle in its buffer, or in the whole map."""
        left = window.columns.lo - start.get(window.value, 0)
        rows = slice(window.first, window.first + window.rows.size)
        return memory[window.value][:, rows, left : left + window.columns.size]

    def mapped(window: Window) -> Array:
        rows, columns = window.rows, window.columns
        return whole[window.value][:, rows.lo : rows.hi, columns.lo : columns.hi]

    for event in firings.events:
        match event:
            case Slide(window):
                kept = view(window).copy()
                memory[window.value][:, : window.rows.size, : window.columns.size] = kept
            case Fetch(window):
                start[window.value] = window.columns.lo
                view(window)[...] = mapped(window)
            case Emit(window):
                mapped(window)[...] = view(window)
            case Fire(node, outputs, reads):
                arrays = [
                    memory[value] if window is None else view(window)
                    for value, window in zip(node.inputs, reads, strict=True)
                ]
                if event.accumulates:
                    _accumulate(event, arrays, memory[node.output])
                    continue
                part = tile(node, outputs[0].rows, outputs[0].columns)
                for window, array in zip(outputs, run_body(part.graph, *arrays), strict=True):
                    if window.value in start:
                        start[window.value] = window.columns.lo
                    view(window)[...] = array
    return tuple(whole[value] for value in op.body.outputs)


def _accumulate(event: Fire, arrays: Sequence[Array], total: Array) -> None:
    """Add the reduction of a part of a map to `total`."""
    sums = accumulation(event.node)
    assert sums is not None
    window = event.outputs[0]
    (part,) = run_body(sums.part(window.rows, window.columns).graph, *arrays)
    if not event.first:
        (part,) = run_body(sums.combination(), total, part)
    total[...] = part
