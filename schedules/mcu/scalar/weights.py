"""Weights as scalar cores read them: unsigned, interleaved by channels, packed below a byte."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Array, DType
from graphopt.ops.quantization import integer_range

# Channels of a block, and products between two steps of its pointers.
CHANNELS = 8
DEPTH = 4


def bias_of(dtype: DType) -> int:
    """What must be added to weights of `dtype` to make them unsigned."""
    return -integer_range(dtype)[0]


@dataclass(frozen=True)
class InterleavedWeights:
    """[outputs, *] as [groups][blocks][depth][8]; what is missing to whole blocks is zero.

    Weights of less than 8 bits share bytes with their neighbours, the first in the low bits.
    `last` is true where the outputs come last, as in matrix products.
    """

    dtype: DType
    groups: int = 1
    last: bool = False

    def __call__(self, array: Array) -> NDArray[np.generic]:
        weights = array.astype(np.int32) + bias_of(self.dtype)
        rows = weights.T if self.last else np.moveaxis(weights, 1, -1)
        rows = rows.reshape(self.groups, len(rows) // self.groups, -1)
        _, outputs, depth = rows.shape
        padded = np.pad(rows, ((0, 0), (0, -outputs % CHANNELS), (0, -depth % DEPTH)))
        blocks = padded.reshape(-1, CHANNELS, padded.shape[-1]).transpose(0, 2, 1)
        return packed(blocks, self.dtype.bits)


def packed(numbers: NDArray[np.integer], bits: int) -> NDArray[np.generic]:
    """Unsigned numbers of `bits` bits, as many as fit in each byte, the first in the low bits."""
    if bits >= 8:
        return numbers.astype(np.uint8 if bits == 8 else np.uint16)
    each = 8 // bits
    parts = numbers.reshape(*numbers.shape[:-1], -1, each) << (bits * np.arange(each))
    return np.asarray(parts.sum(axis=-1), np.uint8)


@dataclass(frozen=True)
class PaddedChannels:
    """One number per output channel, each group with zeros to whole blocks."""

    groups: int = 1

    def __call__(self, array: Array) -> NDArray[np.generic]:
        rows = array.reshape(self.groups, -1)
        return np.pad(rows, ((0, 0), (0, -rows.shape[1] % CHANNELS)))
