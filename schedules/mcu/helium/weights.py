"""How the routines of products want their constants."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array

# A routine does this many channels at once, a step of it this many products of each.
GROUP = 4
STEP = 16


def pack_conv(w: Array) -> Array:
    """[O, I, kh, kw] for windows that are stored column by column: depth is (kw, kh, I)."""
    return pack_rows(w.transpose(0, 3, 2, 1).reshape(len(w), -1))


def pack_rows(rows: Array) -> Array:
    """[channels, depth] -> [groups][steps][GROUP][STEP].

    Channels are filled up with zeros to whole groups, and depth, in front, to whole steps.
    """
    padded = np.pad(pad_channels(rows), ((0, 0), (-rows.shape[1] % STEP, 0)))
    steps = padded.shape[1] // STEP
    return padded.reshape(-1, GROUP, steps, STEP).transpose(0, 2, 1, 3).reshape(-1)


def pack_bits(numbers: Array, bits: int) -> Array:
    """Numbers of 8, 4 or 2 bits as bytes: of 16 bytes first the lowest bits of each, then the next.

    Narrow ones are filled up with zeros to whole 16 bytes.
    """
    if bits == 8:
        return numbers
    each = 8 // bits
    filled = np.pad(numbers.reshape(-1), (0, -numbers.size % (each * STEP)))
    parts = filled.reshape(-1, each, STEP).astype(np.uint8) & (2**bits - 1)
    shifts = (np.arange(each, dtype=np.uint8) * bits)[:, None]
    return np.asarray(np.bitwise_or.reduce(parts << shifts, axis=1).reshape(-1).view(np.int8))


def pad_channels(array: Array) -> Array:
    """Zeros after the first axis up to whole groups."""
    return np.pad(array, ((0, -len(array) % GROUP), *((0, 0),) * (array.ndim - 1)))


def pad_numbers(array: Array) -> Array:
    """One number a channel, of any rank, in whole groups."""
    return pad_channels(array.reshape(-1))
