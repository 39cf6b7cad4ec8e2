"""TIR of products of a single vector: call the routine, finish what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tvm import tirx

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, T, loop, named, sized_kernel, view
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.smlad.calls import PerChannel, ending
from graphopt.schedules.mcu.smlad.digits import GROUP
from graphopt.schedules.mcu.smlad.vector import TILE, VectorPlan
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


def build(plan: VectorPlan, target: McuTarget) -> PrimFunc:
    """The kernel of `plan`, for all sizes that share its identity."""
    where = plan.product.where

    def body(
        buffers: Mapping[Value, Buffer],
        scratch: Buffer | None,
        results: Expr,
        zeros: Expr,
        taps: Expr,
        channels: Expr,
    ) -> None:
        vector = _Vector(plan, buffers, scratch, (results, zeros, taps))
        vector.prepare()
        if plan.requantized:
            vector.requantize(channels)
        else:
            vector.finish(channels, target)

    dtypes = {where.input_index(plan.product.weights): "int16"}
    return sized_kernel(where.region, list(plan.sizes), body, dtypes, plan.scratch_bytes)


class _Vector:
    def __init__(
        self,
        plan: VectorPlan,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer | None,
        sizes: tuple[Expr, Expr, Expr],
    ) -> None:
        self.plan, self.buffers, self.scratch = plan, buffers, scratch
        self.results, self.zeros, self.taps = sizes
        self.groups = named((self.taps + GROUP - 1) // GROUP)
        words = view(scratch, "int32") if scratch is not None else None
        zeros = words[self.zeros // 4] if words is not None else None
        many = plan.product.multiplier_by == "channel"
        self.per_channel = PerChannel(plan.product, buffers, zeros, words, many)

    def prepare(self) -> None:
        """Whole words of activations, and a bias, where there are none."""
        if self.plan.copied:
            x = self.buffers[self.plan.product.x]
            copy = view(self.scratch, str(x.dtype))
            with loop(self.taps) as i:
                T.buffer_store(copy, x[i], [i])
        if self.plan.product.routine_bias is None:
            words = view(self.scratch, "int32")
            with loop(TILE) as i:
                T.buffer_store(words, T.int32(0), [self.zeros // 4 + i])

    def requantize(self, channels: Expr) -> None:
        """The routine writes whole units of channels to the output; the rest are copied there."""
        unit = self.plan.format.channels
        (output,) = self.plan.product.where.region.outputs
        out = self.buffers[output]
        if not self.plan.staged:
            self._call(out, T.int32(0), T.int32(0), channels)
            return
        staging = view(self.scratch, str(out.dtype))
        whole = named(channels // unit * unit)
        with T.If(whole > 0), T.Then():
            self._call(out, T.int32(0), T.int32(0), whole)
        self._call(staging, self.results, whole, T.int32(unit))
        with loop(channels - whole) as c:
            T.buffer_store(out, staging[self.results + c], [whole + c])

    def finish(self, channels: Expr, target: McuTarget) -> None:
        """Sums of a tile of channels at a time, for any epilogue."""
        sums = view(self.scratch, "int32")
        first_sum = named(self.results // 4)
        epilogue = Epilogue(self.plan.product.where, self.buffers, target)
        unit = self.plan.format.channels
        with loop((channels + TILE - 1) // TILE) as tile:
            first = named(tile * TILE)
            valid = named(T.min(T.int32(TILE), channels - first))
            self._call(sums, first_sum, first, (valid + unit - 1) // unit * unit)
            with loop(valid) as c:
                channel = named(first + c)
                epilogue.store(epilogue.channel(channel), sums[first_sum + c], channel)

    def _call(self, out: Buffer, start: Expr, channel: Expr, channels: Expr) -> None:
        """The routine, for `channels` channels from `channel` on."""
        plan = self.plan
        x = self.buffers[plan.product.x]
        if plan.copied and self.scratch is not None:
            x = self.scratch
        weights = self.buffers[plan.product.weights]
        packed = channel * self.groups * GROUP // plan.format.per_half
        call = tirx.call_extern(
            "int32",
            f"graphopt_{plan.format.routine}",
            T.address_of(x[0]),
            T.address_of(weights[packed]),
            T.address_of(out[start]),
            self.per_channel.multipliers(channel),
            self.per_channel.bias(channel),
            self.per_channel.offset,
            self.per_channel.step,
            channels,
            self.groups,
            T.int32(plan.format.chunk),
            ending(out),
        )
        T.evaluate(call)
