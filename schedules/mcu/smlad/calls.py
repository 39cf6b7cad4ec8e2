"""What the routines of products take besides activations and weights, as TIR."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, T
from graphopt.schedules.mcu.smlad.product import Product

# How a routine ends, by the type of what it writes.
_ENDINGS = {"int8": 0, "uint8": 1, "int32": 2}


class PerChannel:
    """Bias, multipliers and offset of a product, where it has them.

    `zeros` points at words that are zero, for products without a bias, and `scratch` at words for
    those without a multiplier; None where they are not needed. `multipliers` says whether there
    are as many as channels, or one for all.
    """

    def __init__(
        self,
        product: Product,
        buffers: Mapping[Value, Buffer],
        zeros: Expr,
        scratch: Buffer | None,
        multipliers: bool,
    ) -> None:
        self.product, self.buffers = product, buffers
        self.zeros, self.scratch = zeros, scratch
        self._many = multipliers

    def bias(self, channel: Expr) -> Expr:
        """A pointer to the bias of `channel`, and those that follow."""
        value = self.product.routine_bias
        return T.address_of(self.zeros if value is None else self.buffers[value][channel])

    def multipliers(self, channel: Expr) -> Expr:
        """A pointer to the multiplier of `channel`, and those that follow."""
        requantized = self.product.requantized
        if requantized is None:
            assert self.scratch is not None
            return T.address_of(self.scratch[0])
        return T.address_of(self.buffers[requantized.multiplier][channel if self._many else 0])

    @property
    def step(self) -> Expr:
        """The bytes from one multiplier to the next."""
        return T.int32(4 if self._many else 0)

    @property
    def offset(self) -> Expr:
        requantized = self.product.requantized
        if requantized is None:
            return T.int32(0)
        constants = self.product.where.region.constants
        if requantized.offset in constants:
            return T.int32(constants[requantized.offset].item())
        return self.buffers[requantized.offset][0]


def ending(out: Buffer) -> Expr:
    """The argument that says what the routine writes to `out`."""
    return T.int32(_ENDINGS[str(out.dtype)])
