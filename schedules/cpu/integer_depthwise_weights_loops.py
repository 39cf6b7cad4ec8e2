"""The loops that unpack the weights of an integer depthwise convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphopt.lower.lanes import cast, element_of, shuffle
from graphopt.lower.lanes import const as const_like
from graphopt.schedules.emit import Buffer, Expr, T, const, load, loop, splat, store

if TYPE_CHECKING:
    from graphopt.schedules.cpu.integer_depthwise_plan import PairedRows


class Unpacker:
    """Writes the weights of one plan as pairs of kernel rows, once for each shift of the window."""

    def __init__(self, plan: PairedRows, packed: Buffer, unpacked: Buffer) -> None:
        self.plan = plan
        self.packed = packed
        self.unpacked = unpacked

    def emit(self, to: Expr) -> None:
        """Unpack all weights, to the offset `to`."""
        plan = self.plan
        lanes, columns = plan.lanes, plan.axes[1].kernel
        for shift in range(plan.shifts):
            start = to + shift * (plan.wide * plan.taps)
            with loop(plan.wide // lanes) as vector:
                for pair in range(plan.pairs):
                    with loop(columns) as kw:
                        upper = self._weights(2 * pair - shift, kw, vector * lanes)
                        lower = self._weights(2 * pair + 1 - shift, kw, vector * lanes)
                        order = [i // 2 + i % 2 * lanes for i in range(2 * lanes)]
                        both = cast(shuffle([upper, lower], order), "int16")
                        at = vector * (lanes * plan.taps) + (pair * columns + kw) * (2 * lanes)
                        store(self.unpacked, start + at, both, 2 * lanes)

    def _weights(self, kh: int, kw: Expr, channel: Expr) -> Expr:
        """The weights of a vector of channels for one tap; zeros for a row that is not there."""
        weights, lanes = self.plan.weights, self.plan.lanes
        rows, columns = weights.kernel
        held = "int16" if weights.fields > 1 else weights.stored
        if not 0 <= kh < rows:
            return const(0, lanes, held)
        tap = kh * columns + kw
        row = T.floordiv(tap, weights.fields)
        stored = load(self.packed, row * weights.wide + channel, lanes)
        if weights.fields == 1:
            return stored
        place = T.floormod(tap, weights.fields) * weights.dtype.bits
        wide = cast(stored, held)
        field = wide >> splat(T.Cast(element_of(wide), place), lanes)
        mask = const_like((1 << weights.dtype.bits) - 1, wide)
        return (field & mask) - const_like(weights.lift, wide)
