"""One widened window times blocks of channels."""

from __future__ import annotations

from dataclasses import dataclass

from tvm import tirx

from graphopt.schedules.emit import Buffer, Expr, Registers, T, loop, named
from graphopt.schedules.mcu.scalar.calls import at, call
from graphopt.schedules.mcu.scalar.product import ProductPlan
from graphopt.schedules.mcu.scalar.weights import CHANNELS, DEPTH


@dataclass(frozen=True)
class Dots:
    """`window` holds `depth` numbers; sums are written from `sums_at` on."""

    plan: ProductPlan
    window: Buffer
    sums: Buffer
    sums_at: Expr
    depth: Expr

    @property
    def bits(self) -> int:
        return self.plan.weights.type.dtype.bits

    def emit(
        self, weights: Buffer, first: Expr, bias: Buffer, bias_at: Expr, blocks: Expr, start: Expr
    ) -> None:
        """bias + start + products, for `blocks` blocks of channels from channel `first` on."""
        where = named(self._packed(first * self.depth))
        if not self.plan.target.long_multiply:
            window, sums = at(self.window, 0), at(self.sums, self.sums_at)
            given = (window, at(weights, where), at(bias, bias_at), sums)
            T.evaluate(call(self.plan.dots, *given, self.depth, blocks, start))
            return
        with loop(blocks) as block:
            self._block(
                weights,
                named(where + block * self._packed(self.depth * CHANNELS)),
                bias,
                named(bias_at + block * CHANNELS),
                named(self.sums_at + block * CHANNELS),
                start,
            )

    def _packed(self, weights: Expr) -> Expr:
        """How many elements of the buffer hold that many weights."""
        return T.truncdiv(weights, 8 // self.bits) if self.bits < 8 else weights

    def _block(
        self,
        weights: Buffer,
        where: Expr,
        bias: Buffer,
        bias_at: Expr,
        sums_at: Expr,
        start: Expr,
    ) -> None:
        """8 channels: each load of the window serves them all."""
        sums = Registers(CHANNELS, 1, "int32")
        for c in range(CHANNELS):
            sums.set(c, T.int32(0))
        each = max(8 // self.bits, 1)
        bytes_per_step = CHANNELS // each
        with loop(T.shift_right(self.depth, T.int32(2))) as step:
            for i in range(DEPTH):
                x = named(tirx.Cast("int32", self.window[step * DEPTH + i]))
                for group in range(bytes_per_step):
                    index = where + step * (DEPTH * bytes_per_step) + i * bytes_per_step + group
                    self._products(sums, group * each, each, x, weights[index])
        # What a byte holds above a weight was multiplied along with it.
        for c in range(CHANNELS):
            total = sums.get(c)
            if c % each != each - 1:
                total = total - sums.get(c + 1) * (1 << self.bits)
            T.buffer_store(self.sums, total + bias[bias_at + c] + start, [sums_at + c])

    def _products(self, sums: Registers, first: int, each: int, x: Expr, packed: Expr) -> None:
        word = named(tirx.Cast("int32", packed))
        for c in range(each):
            weight = T.shift_right(word, T.int32(c * self.bits)) if c else word
            sums.set(first + c, sums.get(first + c) + x * weight)
