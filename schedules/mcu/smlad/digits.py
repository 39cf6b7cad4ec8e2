"""How weights lie in memory for cores with SMLAD: several channels as digits of 16-bit numbers.

An instruction multiplies two halves of a word of weights with two activations. A half that holds
`base * w1 + w0` sums both channels at once; the lower one is summed once more by itself, and the
difference gives the other. A word of 8-bit weights thus makes four products, where 16-bit weights
make two; of 4-bit weights it makes eight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import DType

# Taps of a group of 4, as a word of bytes is widened: 0 and 2 to one word, 1 and 3 to the other.
_WIDENED = (0, 2, 1, 3)
GROUP = len(_WIDENED)
_UNCUT = 1 << 20
# Of four 4-bit weights the third digit, unsigned and never cut, has 24 bits: 2193 products of u8.
_MOST_OF_4_BITS = 2048


@dataclass(frozen=True)
class Format:
    """Weights of `bits` bits for one routine, `graphopt_<routine>`.

    It works on `pixels` at a time and on multiples of `channels`; `chunk` is how many groups of 4
    taps it may sum until a digit overflows. 16 bits of memory hold `per_half` weights.
    """

    routine: str
    bits: int
    pixels: int
    channels: int
    chunk: int

    @property
    def per_half(self) -> int:
        return 16 // self.bits

    def padded(self, channels: int) -> int:
        """The number of channels that the routine computes for `channels`."""
        return -(-channels // self.channels) * self.channels

    def per_channel(self, array: NDArray[Any], groups: int) -> NDArray[Any]:
        """Numbers for each channel, with zeros for the channels that were added to each group."""
        rows = array.reshape(groups, -1)
        return np.pad(rows, ((0, 0), (0, self.padded(rows.shape[1]) - rows.shape[1])))

    def pack(self, matrix: NDArray[Any]) -> NDArray[np.int16]:
        """Weights [groups, channels, taps] as the routine reads them."""
        groups, channels, taps = matrix.shape
        more = ((0, 0), (0, self.padded(channels) - channels), (0, -taps % GROUP))
        padded = np.pad(matrix.astype(np.int32), more)
        # [units of channels, channels of a unit, groups of taps, taps of a group]
        units = padded.reshape(-1, self.channels, padded.shape[2] // GROUP, GROUP)
        if self.bits == 2:
            return _bytes_of_pairs(units)
        widened = units[..., _WIDENED]
        per_half = self.per_half
        halves = np.empty((len(units), self.channels // per_half, *widened.shape[2:]), np.int32)
        for i in range(halves.shape[1]):
            halves[:, i] = _digits(widened[:, i * per_half : (i + 1) * per_half], self.bits)
        # Words of the channels of a unit lie side by side: [units, groups, words, channels, halves]
        words = halves.reshape(*halves.shape[:3], 2, 2).transpose(0, 2, 3, 1, 4)
        return np.ascontiguousarray(words.astype(np.int16).reshape(-1))


def _digits(channels: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
    """Numbers whose digits are channels [units, digits, ...], all but the last made unsigned."""
    half = 1 << (bits - 1)
    last = channels.shape[1] - 1
    total: NDArray[np.int32] = np.left_shift(channels[:, last], bits * last)
    for i in range(last):
        total += (channels[:, i] + half) << (bits * i)
    return total


def _bytes_of_pairs(units: NDArray[np.int32]) -> NDArray[np.int16]:
    """Weights of 2 bits: a byte for each tap, in order, of 4 channels, all made unsigned."""
    digits = sum((units[:, i] + 2) << (2 * i) for i in range(units.shape[1]))
    return np.ascontiguousarray(np.asarray(digits, np.uint8)).reshape(-1).view(np.int16)


def block_format(x: DType, weights: DType, taps: int) -> Format | None:
    """The format for several pixels of type `x`, None where there is none."""
    if weights is DType.I4 and taps > _MOST_OF_4_BITS:
        weights = DType.I8
    formats = {
        DType.I8: Format("digits8", 8, 3, 2, _chunk(x)),
        DType.I4: Format("digits4", 4, 2, 4, _chunk(x)),
        DType.I2: Format("digits2", 2, 2, 4, _UNCUT),
        DType.I16: Format("words16", 16, 3, 2, _UNCUT),
    }
    return formats.get(weights)


def vector_format(x: DType, weights: DType, taps: int) -> Format | None:
    """The format for one pixel of type `x`, None where there is none."""
    form = block_format(x, weights, taps)
    return form and replace(form, routine=f"dense_{form.routine}_{x}", pixels=1, channels=4)


def _chunk(x: DType) -> int:
    """Groups that the highest digit has room for.

    It has 24 bits in a pair of 8-bit weights, 20 in four of 4 bits: 511 products of i8, 256 of u8.
    """
    return 120 if x is DType.I8 else 64
