"""Reading an image between its pixels, as gathers of whole pixels and weighted sums."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphopt.frontend.compose import Compose
from graphopt.ir import DType, Value
from graphopt.ops import Abs, And, Floor, GreaterOrEqual, LessOrEqual, Mod, Round

Interpolation = Literal["nearest", "linear", "cubic"]
Padding = Literal["zeros", "border", "reflection"]
CUBIC_A = -0.75  # as in PyTorch and ONNX GridSample


@dataclass(frozen=True)
class Tap:
    """One pixel line that a coordinate reads along one axis; all of shape [batch, points].

    Attributes:
        index: i64, inside the axis.
        weight: of the pixel, float; None means 1.
        inside: bool, where the pixel counts at all; None means everywhere.
    """

    index: Value
    weight: Value | None
    inside: Value | None


def axis_taps(
    c: Compose,
    at: Value,
    size: int,
    mode: Interpolation,
    padding: Padding,
    limits: tuple[float, float],
) -> list[Tap]:
    """The taps of coordinates `at` (float, in pixels) along an axis of `size`.

    Args:
        limits: where reflection turns round: (0, size - 1), or half a pixel further out.
    """
    if mode == "nearest":
        at = c.apply(Round(), at)
    if mode == "linear" and padding == "border":
        at = clamp(c, at, 0, size - 1)  # in cubic mode only the pixels are held at the border
    elif padding == "reflection":
        at = _reflect(c, at, limits)
    if mode == "nearest":
        return [_tap(c, at, size, padding, limits, None)]
    base = c.apply(Floor(), at)
    t = c.sub(at, base)
    if mode == "linear":
        weights = {0: c.sub(1, t), 1: t}
    else:
        weights = {
            -1: _cubic_far(c, c.add(t, 1)),
            0: _cubic_near(c, t),
            1: _cubic_near(c, c.sub(1, t)),
            2: _cubic_far(c, c.sub(2, t)),
        }
    return [
        _tap(c, c.add(base, shift) if shift else base, size, padding, limits, weight)
        for shift, weight in weights.items()
    ]


def clamp(c: Compose, x: Value, low: float, high: float) -> Value:
    return c.min(c.max(x, low), high)


def _tap(
    c: Compose,
    pixel: Value,
    size: int,
    padding: Padding,
    limits: tuple[float, float],
    weight: Value | None,
) -> Tap:
    inside = None
    if padding == "zeros":
        inside = c.apply(
            And(),
            c.binary(GreaterOrEqual(), pixel, 0),
            c.binary(LessOrEqual(), pixel, size - 1),
        )
    elif padding == "reflection":
        pixel = _reflect(c, pixel, limits)
    # Clamped as a number, for the cast; and as an index, for what a NaN is cast to.
    index = clamp(c, c.cast(clamp(c, pixel, 0, size - 1), DType.I64), 0, size - 1)
    return Tap(index, weight, inside)


def _reflect(c: Compose, x: Value, limits: tuple[float, float]) -> Value:
    low, high = limits
    span = high - low
    if span == 0:
        return c.add(c.mul(x, 0), low)
    distance = c.apply(Abs(), c.sub(x, low))
    # A triangle wave of period 2 * span.
    wrapped = c.binary(Mod(truncated=True), distance, 2 * span)
    return c.add(c.min(wrapped, c.sub(2 * span, wrapped)), low)


def _cubic_near(c: Compose, d: Value) -> Value:
    inner = c.sub(c.mul(d, CUBIC_A + 2), CUBIC_A + 3)
    return c.add(c.mul(c.mul(inner, d), d), 1)


def _cubic_far(c: Compose, d: Value) -> Value:
    inner = c.add(c.mul(c.sub(c.mul(d, CUBIC_A), 5 * CUBIC_A), d), 8 * CUBIC_A)
    return c.sub(c.mul(inner, d), 4 * CUBIC_A)


def pixel_rows(c: Compose, x: Value) -> Value:
    """x [N, C, *size] as one row of channels per pixel: [N * prod(size), C]."""
    n, channels, *size = x.type.dims
    last = c.transpose(x, (0, *range(2, x.type.rank), 1))
    return c.reshape(last, (n * math.prod(size), channels))


def read_taps(
    c: Compose,
    rows: Value,
    images: Value,
    size: Sequence[int],
    taps: Sequence[Sequence[Tap]],
) -> Iterator[Value]:
    """The weighted pixels, one [batch, points, C] for each combination of the axes' taps.

    Args:
        rows: what `pixel_rows` gives for images of spatial size `size`.
        images: i64, broadcasts to [batch, points]: which image each point reads.
        taps: those of each axis.
    """
    for combination in itertools.product(*taps):
        at = images
        for extent, tap in zip(size, combination, strict=True):
            at = c.add(c.mul(at, extent), tap.index)
        pixels = c.gather(rows, at, 0)
        inside = [tap.inside for tap in combination if tap.inside is not None]
        weights = [tap.weight for tap in combination if tap.weight is not None]
        if inside:
            where = inside[0]
            for other in inside[1:]:
                where = c.apply(And(), where, other)
            pixels = c.where(c.unsqueeze(where, 2), pixels, 0)
        if weights:
            weight = weights[0]
            for other in weights[1:]:
                weight = c.mul(weight, other)
            pixels = c.mul(pixels, c.cast(c.unsqueeze(weight, 2), pixels.type.dtype))
        yield pixels


def own_image(c: Compose, batch: int) -> Value:
    """For `read_taps`: point lists 0, 1, ... read images 0, 1, ..."""
    return c.constant(np.arange(batch, dtype=np.int64).reshape(batch, 1))
