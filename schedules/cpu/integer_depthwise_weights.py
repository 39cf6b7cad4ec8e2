"""How the weights of an integer depthwise convolution are stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.ir import Array, DType


@dataclass(frozen=True)
class TapWeights:
    """Weights [taps][wide] of a kernel of kh * kw taps, with zeros beyond the last channel.

    Weights of 4 and 2 bits are stored as that many bits, moved up to be unsigned: a byte holds
    those of `fields` taps of one channel, the first in its low bits.
    """

    dtype: DType
    kernel: tuple[int, ...]
    wide: int

    @property
    def fields(self) -> int:
        """How many weights share a byte."""
        return max(1, 8 // self.dtype.bits)

    @property
    def lift(self) -> int:
        """What is added to weights that share a byte."""
        return 1 << self.dtype.bits - 1 if self.fields > 1 and self.dtype.is_signed else 0

    @property
    def stored(self) -> str:
        """The TVM dtype of what is stored."""
        return "uint8" if self.fields > 1 else self.dtype.numpy.name

    @property
    def rows(self) -> int:
        """How many vectors of all channels are stored."""
        kh, kw = self.kernel
        return -(-kh * kw // self.fields)

    @property
    def elements(self) -> int:
        return self.rows * self.wide

    def pack(self, weights: Array) -> Array:
        """[C, 1, kh, kw] becomes [rows][wide]."""
        channels = len(weights)
        taps = weights.astype(np.int16).reshape(channels, -1).T
        padded = np.zeros((self.rows * self.fields, self.wide), np.int16)
        padded[: len(taps), :channels] = taps
        if self.fields == 1:
            return padded.astype(self.dtype.numpy)
        lifted = (padded + self.lift).astype(np.uint8).reshape(self.rows, self.fields, -1)
        shifts = np.arange(self.fields, dtype=np.uint8) * self.dtype.bits
        return np.asarray(np.bitwise_or.reduce(lifted << shifts[:, None], axis=1))
