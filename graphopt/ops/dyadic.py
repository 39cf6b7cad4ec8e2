"""Dyadic requantization: integers times a number, rounded, in integer arithmetic alone.

The one law of graphopt, the same bits on every target: offset + ((x * M + 2^31) >> 32), with the
number approximated by M / 2^32. It is two instructions on a Cortex-M4 (smmlar, ssat) and
vectorizes on x86. Numbers of 1/2 and more shift x to the left first. HAWQ-V3 (arXiv 2011.10680)
calls such numbers dyadic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, TensorType
from graphopt.ops.elementwise import Elementwise

FRACTION_BITS = 32
MAX_SHIFT = 30
# Factors are less than this: no i32 has room for a step that large.
MAX_FACTOR = 2.0 ** (MAX_SHIFT - 1)


@dataclass(frozen=True)
class Rescale(Elementwise):
    """offset + ((x * multiplier + 2^31) >> 32). Inputs: x, multiplier, offset, all i32.

    The product is taken in 64 bits; the shift rounds down, so that halves round up. The result
    wraps as i32 does.
    """

    name = "rescale"
    arity = 3

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (result,) = super().infer(*inputs)
        if result.dtype is not DType.I32:
            raise TypeRuleError(self.name, f"dtypes: expected i32, found {result.dtype}")
        return (result,)

    def compute(self, *inputs: Array) -> Array:
        x, multiplier, offset = (each.astype(np.int64) for each in inputs)
        half = 1 << (FRACTION_BITS - 1)
        return np.asarray(((x * multiplier + half) >> FRACTION_BITS) + offset)


@dataclass(frozen=True)
class Dyadic:
    """A factor as integers: 2^shift * multiplier / 2^32, one or one per index of an axis.

    `multiplier` is in [0, 2^31), i32; `shift` is i32, zero for factors below 1/2.
    """

    multiplier: Array
    shift: Array

    @property
    def reach(self) -> Array:
        """The largest x that can be shifted; what is beyond saturates any result of 16 bits."""
        return np.asarray(np.int32(2**31 - 1) >> self.shift)

    def apply(self, x: Array, offset: Array | int = 0) -> Array:
        """The law applied to i32 integers that broadcast with the factors; i64."""
        held = np.clip(x.astype(np.int64), -self.reach.astype(np.int64), self.reach)
        half = 1 << (FRACTION_BITS - 1)
        scaled = (held << self.shift) * self.multiplier.astype(np.int64)
        return np.asarray(((scaled + half) >> FRACTION_BITS) + offset)


def dyadic(factor: Array | float) -> Dyadic:
    """The closest dyadic numbers to positive factors.

    Raises:
        TypeRuleError: a factor is 2^29 or more, for which no i32 has room.
    """
    exact = np.asarray(factor, np.float64)
    _, exponent = np.frexp(exact)
    shift = np.maximum(0, exponent + 1)
    multiplier = np.rint(np.ldexp(exact, FRACTION_BITS - shift))
    # Just below a power of two the rounding reaches it.
    full = multiplier >= 2**31
    shift = shift + full
    multiplier = np.where(full, 2**30, multiplier)
    if (shift > MAX_SHIFT).any():
        raise TypeRuleError("rescale", f"factor: expected less than 2^29, found {exact.max():g}")
    return Dyadic(multiplier.astype(np.int32), shift.astype(np.int32))
