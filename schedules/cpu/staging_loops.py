"""The loops that copy parts of an integer input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tvm import tirx

from graphopt.lower.casts import unpack
from graphopt.lower.lanes import cast, const
from graphopt.schedules.cpu.product import block_range
from graphopt.schedules.cpu.staging import StagedAxis, Staging
from graphopt.schedules.emit import (
    Buffer,
    Expr,
    T,
    channel_vectors,
    count,
    load,
    loop,
    outer_loop,
    splat,
    store,
    view,
)


class Stager:
    """Fills the scratch memory of one kernel."""

    def __init__(self, staging: Staging, x: Buffer, scratch: Buffer) -> None:
        self.staging = staging
        self.x = x
        self.staged = view(scratch, staging.dtype)

    @contextmanager
    def workers(self, threads: int) -> Iterator[tuple[Expr, Expr]]:
        """Loops over all parts of the work: (part, number of the worker)."""
        work = self.staging.work
        with (
            outer_loop(work.count, threads) as worker,
            count(*block_range(worker, work)) as part,
        ):
            yield part, worker

    def copy(self, source: Expr, to: Expr, elements: int) -> None:
        """Copy neighbouring elements."""
        staging = self.staging

        def some(offset: Expr, lanes: int) -> None:
            value = unpack(load(self.x, source + offset, lanes), staging.x.dtype)
            store(self.staged, to + offset, self._staged(value), lanes)

        channel_vectors(elements, staging.lanes, some)

    def _staged(self, value: Expr) -> Expr:
        """An element of the input as the copy holds it."""
        bias, dtype = self.staging.bias, self.staging.dtype
        if not bias:
            return cast(value, dtype)
        if self.staging.x.dtype.bits == 8:
            # Adding 128 would wrap, which TVM tells LLVM never to happen.
            moved = cast(value, dtype)
            return moved ^ const(bias, moved)
        return cast(value + const(bias, value), dtype)

    def fill(self, to: Expr, elements: int, value: int) -> None:
        """Store `value`, an element of the input, `elements` times."""
        stored = tirx.const(value + self.staging.bias, self.staging.dtype)

        def some(offset: Expr, lanes: int) -> None:
            store(self.staged, to + offset, splat(stored, lanes), lanes)

        channel_vectors(elements, self.staging.lanes, some)

    def image_rows(
        self,
        axes: tuple[StagedAxis, StagedAxis],
        image: Expr,
        rows: tuple[Expr, Expr],
        slot: Expr,
        pad_value: int,
    ) -> None:
        """Copy what the windows of output rows from rows[0] to rows[1] - 1 read."""
        vertical, horizontal = axes
        first, last = rows
        channels = self.staging.x.dims[-1]
        line = horizontal.length(horizontal.axis.out) * channels
        reach = vertical.length(1) - 1
        with loop((last - first - 1) * vertical.stride + reach + 1) as position:
            to = slot + position * line
            top = first * vertical.axis.stride - vertical.axis.pad
            row = top + position * vertical.step
            source = (image * vertical.axis.size + row) * horizontal.axis.size * channels
            if vertical.axis.clipped:
                with T.If(T.And(row >= 0, row < vertical.axis.size)):
                    with T.Then():
                        self._line(horizontal, source, to, pad_value)
                    with T.Else():
                        self.fill(to, line, pad_value)
            else:
                self._line(horizontal, source, to, pad_value)

    def _line(self, axis: StagedAxis, source: Expr, to: Expr, pad_value: int) -> None:
        channels = self.staging.x.dims[-1]
        inside = axis.inside
        first = source + (inside.start * axis.step - axis.axis.pad) * channels
        self.fill(to, inside.start * channels, pad_value)
        start = to + inside.start * channels
        if axis.step == 1:
            self.copy(first, start, len(inside) * channels)
        else:
            with loop(len(inside)) as pixel:
                self.copy(first + pixel * axis.step * channels, start + pixel * channels, channels)
        rest = axis.length(axis.axis.out) - inside.stop
        self.fill(to + inside.stop * channels, rest * channels, pad_value)
