"""Discrete Fourier transforms, as products with constant matrices."""

from __future__ import annotations

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import Array, Value
from graphopt.ops import Pad

# The matrix of a longer transform would dwarf the model.
MAX_LENGTH = 8192


def dft(call: Call) -> Value:
    """DFT. Input: [..., n, ..., 1 or 2] real or complex; complex numbers are pairs, last."""
    c = Compose(call.builder)
    x = call.input(0)
    rank = x.type.rank
    if call.opset >= 20:
        axis = int(call.known(2, "axis").reshape(-1)[0]) if call.has(2) else -2
    else:
        axis = call.integer("axis", 1)
    axis %= rank
    if axis == rank - 1:
        raise call.invalid("axis: expected one before the last, which holds the complex parts")
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    size = x.type.dims[axis]
    length = 2 * (size - 1) if inverse and onesided else size
    if call.has(1):
        length = int(call.known(1, "dft_length").reshape(-1)[0])
    if not 1 <= length <= MAX_LENGTH:
        raise call.unsupported(f"length: expected 1 to {MAX_LENGTH}, found {length}")
    return transform(c, x, axis, length, inverse, onesided)


def transform(c: Compose, x: Value, axis: int, length: int, inverse: bool, onesided: bool) -> Value:
    """The transform of `length` along an axis of x, cut or padded with zeros to fit.

    A one-sided forward transform keeps the frequencies 0 to length / 2; a one-sided inverse
    takes these and gives real numbers.
    """
    used = length // 2 + 1 if inverse and onesided else length
    x = _resize(c, x, axis, used)
    rank = x.type.rank
    dims = x.type.dims
    # [..., axis, parts] -> [..., axis * parts]: one product mixes positions and parts.
    last = c.transpose(x, (*(i for i in range(rank - 1) if i != axis), axis, rank - 1))
    others = tuple(d for i, d in enumerate(dims[:-1]) if i != axis)
    matrix = dft_matrix(length, dims[-1], inverse, onesided)
    y = c.matmul(
        c.reshape(last, (int(np.prod(others)), used * dims[-1])),
        c.constant(matrix.astype(x.type.dtype.numpy)),
    )
    parts = 1 if inverse and onesided else 2
    y = c.reshape(y, (*others, matrix.shape[1] // parts, parts))
    back = list(range(rank - 2))
    back.insert(axis, rank - 2)
    return c.transpose(y, (*back, rank - 1))


def dft_matrix(length: int, parts: int, inverse: bool, onesided: bool) -> Array:
    """[positions * parts, frequencies * result parts] in f64, rows and columns part by part."""
    rows = length // 2 + 1 if inverse and onesided else length
    columns = length // 2 + 1 if onesided and not inverse else length
    # Reduced before the multiplication, so that large products lose no digits.
    turns = (np.arange(rows)[:, None] * np.arange(columns)[None, :]) % length
    angle = 2 * np.pi * turns / length * (1 if inverse else -1)
    scale = 1 / length if inverse else 1.0
    real, imaginary = np.cos(angle) * scale, np.sin(angle) * scale
    if inverse and onesided:
        # Frequencies k and length - k are conjugate; only the first half is given.
        twice = np.full((rows, 1), 2.0)
        twice[0] = 1.0
        if length % 2 == 0:
            twice[-1] = 1.0
        blocks = [[real * twice], [-imaginary * twice]][:parts]
    else:
        blocks = [[real, imaginary], [-imaginary, real]][:parts]
    stacked = np.array(blocks)  # [part, result part, row, column]
    return stacked.transpose(2, 0, 3, 1).reshape(rows * parts, -1)


def _resize(c: Compose, x: Value, axis: int, size: int) -> Value:
    found = x.type.dims[axis]
    if size <= found:
        return c.slice(x, axis, 0, size)
    pads = [0] * (2 * x.type.rank)
    pads[x.type.rank + axis] = size - found
    return c.apply(Pad(tuple(pads)), x)


def stft(call: Call) -> Value:
    """STFT. Inputs: signal [batch, n, 1 or 2], frame step, window?, frame length?."""
    c = Compose(call.builder)
    x, window = call.ranked(0, 3), call.optional(2)
    step = int(call.known(1, "frame_step").reshape(-1)[0])
    batch, samples, parts = x.type.dims
    length = window.type.dims[0] if window is not None else samples
    if call.has(3):
        length = int(call.known(3, "frame_length").reshape(-1)[0])
    if not 1 <= length <= min(samples, MAX_LENGTH) or step < 1:
        raise call.unsupported(
            f"frames: expected a length of 1 to {min(samples, MAX_LENGTH)}, found {length} "
            f"every {step}"
        )
    frames = 1 + (samples - length) // step
    places = np.arange(frames)[:, None] * step + np.arange(length)
    cut = c.gather(x, c.constant(places.astype(np.int64)), 1)
    if window is not None:
        if window.type.dims != (length,):
            raise call.invalid(f"window: expected [{length}], found {window.type}")
        cut = c.mul(cut, c.reshape(window, (length, 1)))
    return transform(c, cut, 2, length, False, bool(call.integer("onesided", 1)))


IMPORTERS: dict[str, Import] = {"DFT": dft, "STFT": stft}
