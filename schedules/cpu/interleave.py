"""Copies rows of an image in pairs: the elements of two rows side by side, with padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphopt.lower.casts import unpack
from graphopt.lower.dtypes import memory_dtype
from graphopt.lower.lanes import shuffle
from graphopt.schedules.emit import Buffer, Expr, T, channel_vectors, const, load, loop, store

if TYPE_CHECKING:
    from graphopt.schedules.cpu.integer_depthwise_plan import PairedRows

# A wider vector would have to exchange its halves.
VECTOR_BYTES = 16


class Interleaver:
    """Fills the scratch memory of one plan from its input `x`."""

    def __init__(self, plan: PairedRows, x: Buffer, copy: Buffer) -> None:
        self.plan = plan
        self.x = x
        self.copy = copy
        self.vertical, self.horizontal = plan.axes
        self.dtype = plan.x.type.dtype
        self.lanes = VECTOR_BYTES // self.dtype.itemsize

    def emit(self, image: Expr, first: Expr, to: Expr) -> None:
        """Copy what the strip of output rows from `first` on reads, to the offset `to`."""
        plan, size = self.plan, self.vertical.size
        top = first * self.vertical.stride - self.vertical.pad
        with loop(plan.rows(plan.strip_rows)) as i:
            upper = top + i * plan.row_step
            lower = upper + self.vertical.dilation
            start = to + i * plan.row_elements

            def offset(row: Expr) -> Expr:
                return (image * size + row) * (self.horizontal.size * plan.channels)

            with T.If(T.And(upper >= 0, upper < size)):
                with T.Then(), T.If(T.And(lower >= 0, lower < size)):
                    with T.Then():
                        self._row(start, offset(upper), offset(lower))
                    with T.Else():
                        self._row(start, offset(upper), None)
                with T.Else(), T.If(T.And(lower >= 0, lower < size)):
                    with T.Then():
                        self._row(start, None, offset(lower))
                    with T.Else():
                        self._fill(start, plan.row_elements)

    def _row(self, to: Expr, upper: Expr | None, lower: Expr | None) -> None:
        """Two rows; None stands for one of padding."""
        plan, axis = self.plan, self.horizontal
        left = min(axis.pad, plan.row_pixels)
        inside = max(0, min(axis.size, plan.row_pixels - left))
        wide = plan.wide * 2
        self._fill(to, left * wide)
        start = to + left * wide
        if plan.wide == plan.channels:
            self._pairs(start, upper, lower, T.int32(0), inside * plan.channels)
        else:
            with loop(inside) as x:
                self._pairs(start + x * wide, upper, lower, x * plan.channels, plan.channels)
        self._fill(start + inside * wide, (plan.row_pixels - left - inside) * wide)

    def _pairs(
        self, to: Expr, upper: Expr | None, lower: Expr | None, skip: Expr, elements: int
    ) -> None:
        """`elements` pairs of what stands `skip` elements after the start of each row."""

        def element(row: Expr | None, i: Expr, lanes: int) -> Expr:
            if row is None:
                return self._padding(lanes)
            return unpack(load(self.x, row + skip + i, lanes), self.dtype)

        def pair(i: Expr, lanes: int) -> None:
            above, below = element(upper, i, lanes), element(lower, i, lanes)
            order = [n // 2 + n % 2 * lanes for n in range(2 * lanes)]
            store(self.copy, to + i * 2, shuffle([above, below], order), 2 * lanes)

        channel_vectors(elements, self.lanes, pair)

    def _fill(self, to: Expr, elements: int) -> None:
        def fill(i: Expr, lanes: int) -> None:
            store(self.copy, to + i, self._padding(lanes), lanes)

        channel_vectors(elements, self.lanes, fill)

    def _padding(self, lanes: int) -> Expr:
        return const(self.plan.op.pad_value, lanes, memory_dtype(self.dtype))
