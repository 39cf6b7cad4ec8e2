"""Which part of an axis a part of a resized axis is computed from, and what resizes that part."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from graphopt.analysis.axis_maps import AxisMap, OperatorMap, ResizeMap
from graphopt.ops import Resize
from graphopt.ops.resize import Coordinates, Taps

# Of scales p / q; a longer period is hardly one.
LARGEST_PERIOD = 64
# Of weights that are equal but for how their places were rounded.
TOLERANCE = 1e-12
# These differ from `half_pixel` only where they depend on the size, which a tile changes.
HALF_PIXEL: tuple[Coordinates, ...] = ("half_pixel_symmetric", "pytorch_half_pixel")
OF_THE_SIZE: tuple[Coordinates, ...] = ("align_corners", "tf_crop_and_resize")


def resized_part(op: Resize, shape: tuple[int, ...]) -> Resize:
    """The resize of a part of the map to `shape`, in steps as long as those of `op`."""
    coordinates = "half_pixel" if op.coordinates in HALF_PIXEL else op.coordinates
    return replace(op, shape=shape, coordinates=coordinates)


@lru_cache(maxsize=256)
def resize_map(op: Resize, axis: int, size: int, exact: bool) -> OperatorMap | None:
    """What an axis of `size` is to the resized one; None where no part has the steps of the whole.

    Args:
        exact: whether weights must be the same to the last bit, as for integers.
    """
    if op.shape[axis] == size and op.scales[axis] == 1 and not op.roi:
        return AxisMap.identity(size)
    if op.coordinates in OF_THE_SIZE or op.roi:
        return None
    ratio = Fraction(op.scales[axis]).limit_denominator(LARGEST_PERIOD)
    if not 0 < ratio.numerator <= LARGEST_PERIOD:
        return None
    taps = op.taps(axis, size)
    first = np.where(taps.weights != 0, taps.index, size).min(axis=1)
    last = np.where(taps.weights != 0, taps.index, -1).max(axis=1)
    if (first > last).any() or (np.diff(first) < 0).any() or (np.diff(last) < 0).any():
        return None
    found = ResizeMap(
        ratio.denominator, ratio.numerator, tuple(first.tolist()), tuple(last.tolist()), size
    )
    return found if _repeats(op, axis, found, exact) else None


def _repeats(op: Resize, axis: int, found: ResizeMap, exact: bool) -> bool:
    """Whether all parts that begin with a period are resized as in the whole."""
    whole = op.taps(axis, found.input_size)
    periods = np.array([found.period(output) for output in range(found.output_size)])
    for period in dict.fromkeys(periods.tolist()):
        rest = found.output_size - period * found.outputs
        shape = tuple(rest if i == axis else dim for i, dim in enumerate(op.shape))
        skipped = period * found.inputs
        part = resized_part(op, shape).taps(axis, found.input_size - skipped)
        needed = int((periods >= period).sum())
        if not _same(whole, part, needed, skipped, exact):
            return False
    return True


def _same(whole: Taps, part: Taps, needed: int, skipped: int, exact: bool) -> bool:
    """Whether the last outputs, `needed` of them, read the same of an input begun later."""
    weights, others = whole.weights[-needed:], part.weights[-needed:]
    if weights.shape != others.shape:
        return False
    used = (weights != 0) | (others != 0)
    moved = whole.index[-needed:] != part.index[-needed:] + skipped
    apart = np.abs(weights - others).max(initial=0.0)
    return not (moved & used).any() and bool(apart <= (0.0 if exact else TOLERANCE))
