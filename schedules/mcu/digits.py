"""How weights lie in memory for cores with SMLAD: several channels as digits of 16-bit numbers.

An instruction multiplies two halves of a word of weights with two activations. A half that holds
`base^1 * w1 + w0` sums both channels at once; the lower one is summed once more by itself, and the
difference gives the other. A word thus loads four products, where 16-bit weights would give two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import DType

# Taps of a group of 4, as a word of bytes is widened: 0 and 2 to one word, 1 and 3 to the other.
_WIDENED = (0, 2, 1, 3)
GROUP = len(_WIDENED)


@dataclass(frozen=True)
class Format:
    """Weights for one routine, `graphopt_<name>`.

    It works on `pixels` at a time and on multiples of `channels`; `chunk` is how many groups of 4
    taps it may sum until a digit overflows.
    """

    name: str
    pixels: int
    channels: int
    chunk: int

    def padded(self, channels: int) -> int:
        """The number of channels that the routine computes for `channels`."""
        return -(-channels // self.channels) * self.channels

    def per_channel(self, array: NDArray[Any], groups: int) -> NDArray[Any]:
        """Numbers for each channel, with zeros for the channels that were added to each group."""
        rows = array.reshape(groups, -1)
        return np.pad(rows, ((0, 0), (0, self.padded(rows.shape[1]) - rows.shape[1])))

    def pack(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Weights [groups, channels, taps] as the routine reads them."""
        groups, channels, taps = matrix.shape
        more = ((0, 0), (0, self.padded(channels) - channels), (0, -taps % GROUP))
        padded = np.pad(matrix.astype(np.int16), more)
        widened = padded.reshape(*padded.shape[:2], -1, GROUP)[..., _WIDENED]
        pairs = widened.reshape(groups, -1, self.channels, *widened.shape[2:])
        return np.ascontiguousarray(pairs[:, :, 1] * 256 + pairs[:, :, 0] + 128)


def block_format(x: DType, weights: DType) -> Format | None:
    """The format for several pixels of type `x`, None where there is none."""
    if weights is DType.I8:
        # The upper channel has 24 bits: at most 511 products of two signed bytes, 256 of u8.
        return Format("digits8", 3, 2, 120 if x is DType.I8 else 64)
    return None
