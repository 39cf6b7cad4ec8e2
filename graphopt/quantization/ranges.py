"""What values a tensor takes, and the range of them that its integers should stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import OptionError
from graphopt.ir import Array, DType
from graphopt.ops.quantization import integer_range

RangeMethod = Literal["minmax", "percentile", "mse", "entropy"]
RANGE_METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
BINS = 2048
# The range that a tensor keeps with "percentile": all but this share of its elements.
OUTSIDE = 1e-4
# How far "mse" and "entropy" draw a bound towards zero, as shares of the range seen.
SHARES = np.linspace(1.0, 0.3, 71)
Counts = NDArray[np.float64]


class Histogram:
    """How often values lie where; exact least and largest, memory that does not grow.

    When a value falls outside, the range doubles on that side and bins merge in pairs, so that
    at least half of the bins always serve the range seen.
    """

    def __init__(self, bins: int = BINS) -> None:
        self.counts: Counts = np.zeros(bins)
        self.low = np.inf
        self.high = -np.inf
        self._start = 0.0
        self._width = 0.0  # of one bin

    def add(self, array: Array) -> None:
        """Count the elements of an array of finite numbers."""
        if array.size == 0:
            return
        values = array.reshape(-1).astype(np.float32, copy=False)
        low, high = float(values.min()), float(values.max())
        self._cover(low, high)
        self.low, self.high = min(self.low, low), max(self.high, high)
        where = ((values - np.float32(self._start)) * np.float32(1 / self._width)).astype(np.int64)
        np.clip(where, 0, len(self.counts) - 1, out=where)
        self.counts += np.bincount(where, minlength=len(self.counts))

    def merge(self, other: Histogram) -> None:
        """Count what another histogram counted, its bins as values at their centres."""
        if not np.isfinite(other.low):
            return
        self._cover(other.low, other.high)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        where = ((other.centres - self._start) / self._width).astype(np.int64)
        np.clip(where, 0, len(self.counts) - 1, out=where)
        np.add.at(self.counts, where, other.counts)

    @property
    def centres(self) -> Counts:
        """The middle of each bin, inside the range seen."""
        middles = self._start + self._width * (np.arange(len(self.counts)) + 0.5)
        return np.clip(middles, self.low, self.high)

    def _cover(self, low: float, high: float) -> None:
        bins = len(self.counts)
        if self._width == 0.0:
            spread = max(high - low, 1e-6 * max(abs(low), abs(high)), 1e-30)
            self._start, self._width = low, spread / bins
        while low < self._start:
            self._start -= self._width * bins
            self._merge_pairs(into_upper_half=True)
        while high > self._start + self._width * bins * (1 + 1e-6):
            self._merge_pairs(into_upper_half=False)

    def _merge_pairs(self, into_upper_half: bool) -> None:
        pairs = self.counts.reshape(-1, 2).sum(axis=1)
        nothing = np.zeros_like(pairs)
        halves = (nothing, pairs) if into_upper_half else (pairs, nothing)
        self.counts = np.concatenate(halves)
        self._width *= 2


@dataclass(frozen=True)
class Quantizer:
    """real = scale * (stored - zero_point), stored in `dtype`, saturating.

    `scale` is a positive f32 number; the zero point fits the dtype, so that 0 is exact.
    """

    dtype: DType
    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        """The least real number."""
        return (integer_range(self.dtype)[0] - self.zero_point) * self.scale

    @property
    def high(self) -> float:
        """The largest real number."""
        return (integer_range(self.dtype)[1] - self.zero_point) * self.scale


def quantizer(low: float, high: float, dtype: DType, symmetric: bool = False) -> Quantizer:
    """The quantizer of an integer dtype that covers a range and 0.

    With `symmetric` the zero point is the middle of the integers (0 for signed ones) unless the
    dtype is unsigned and the range has one sign. A tensor that is always 0 gets scale 1.
    """
    least, most = integer_range(dtype)
    low, high = min(low, 0.0), max(high, 0.0)
    if symmetric and dtype.is_signed:
        scale, zero_point = _positive(max(-low, high) / most), 0
    elif symmetric and low < 0:
        middle = (most + 1) // 2
        scale, zero_point = _positive(max(-low, high) / (most - middle)), middle
    else:
        scale = _positive((high - low) / (most - least))
        zero_point = int(np.clip(round(least - low / scale), least, most))
    return Quantizer(dtype, scale, zero_point)


def _positive(scale: float) -> float:
    """As f32; 1 in place of a scale whose reciprocal f32 does not hold."""
    rounded = float(np.float32(scale))
    return rounded if rounded > 1e-37 else 1.0


def choose_quantizer(
    histogram: Histogram, dtype: DType, method: RangeMethod, symmetric: bool = False
) -> Quantizer:
    """The quantizer for what a histogram saw.

    Args:
        method: "minmax" covers everything; "percentile" all but `OUTSIDE` of the elements on each
            side; "mse" minimizes the squared error of rounding and clipping; "entropy" the
            Kullback-Leibler divergence between the distributions before and after (Migacz,
            "8-bit inference with TensorRT", 2017).

    Raises:
        OptionError: no such method.
    """
    if method not in RANGE_METHODS:
        raise OptionError("ranges", f"expected one of {', '.join(RANGE_METHODS)}, found {method!r}")
    if not np.isfinite(histogram.low):
        return quantizer(0.0, 0.0, dtype, symmetric)
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    # Wide integers have more levels than the histogram has bins.
    if method == "minmax" or low == high or dtype.bits > 8:
        return quantizer(low, high, dtype, symmetric)
    if method == "percentile":
        return quantizer(*_percentile(histogram), dtype, symmetric)
    objective = _squared_error if method == "mse" else _divergence
    return _search(histogram, low, high, dtype, symmetric, objective)


def _percentile(histogram: Histogram) -> tuple[float, float]:
    below = np.cumsum(histogram.counts) / histogram.counts.sum()
    centres = histogram.centres
    low = centres[int(np.searchsorted(below, OUTSIDE))]
    high = centres[min(int(np.searchsorted(below, 1 - OUTSIDE)), len(centres) - 1)]
    return float(low), float(high)


Objective = Callable[[Histogram, Quantizer], float]


def _search(
    histogram: Histogram,
    low: float,
    high: float,
    dtype: DType,
    symmetric: bool,
    objective: Objective,
) -> Quantizer:
    """Draw the bounds towards zero, in turns, as long as the objective falls."""
    best = quantizer(low, high, dtype, symmetric)
    least = objective(histogram, best)
    shares = [1.0, 1.0]
    for side in (1, 0, 1):
        if (low, high)[side] == 0.0:
            continue
        for share in SHARES:
            tried = [float(share) if i == side else s for i, s in enumerate(shares)]
            candidate = quantizer(low * tried[0], high * tried[1], dtype, symmetric)
            cost = objective(histogram, candidate)
            if cost < least:
                least, best, shares = cost, candidate, tried
    return best


def _squared_error(histogram: Histogram, candidate: Quantizer) -> float:
    centres = histogram.centres
    return float(histogram.counts @ (centres - _rounded(centres, candidate)) ** 2)


def _rounded(values: Counts, candidate: Quantizer) -> Counts:
    least, most = integer_range(candidate.dtype)
    stored = np.clip(np.rint(values / candidate.scale) + candidate.zero_point, least, most)
    rounded: Counts = (stored - candidate.zero_point) * candidate.scale
    return rounded


def _divergence(histogram: Histogram, candidate: Quantizer) -> float:
    """KL(p || q): p the counts, clipped values on the outermost bins; q even within each level."""
    least, most = integer_range(candidate.dtype)
    centres, counts = histogram.centres, histogram.counts
    level = np.rint(centres / candidate.scale) + candidate.zero_point
    inside = (level >= least) & (level <= most)
    if not inside.any():
        return np.inf
    p = np.where(inside, counts, 0.0)
    first, last = np.flatnonzero(inside)[[0, -1]]
    level = (level - least).astype(np.int64)[inside]
    sums = np.bincount(level, weights=p[inside], minlength=most - least + 1)
    filled = np.bincount(level, weights=(p[inside] > 0), minlength=most - least + 1)
    q = np.where(p[inside] > 0, sums[level] / np.maximum(filled[level], 1), 0.0)
    p[first] += counts[:first].sum()
    p[last] += counts[last + 1 :].sum()
    clipped = p[inside]
    both = (clipped > 0) & (q > 0)
    total_p, total_q = clipped.sum(), q.sum()
    if total_q == 0:
        return np.inf
    missing = float(clipped[(clipped > 0) & (q == 0)].sum() / total_p)
    divergence = np.sum(
        clipped[both] / total_p * np.log((clipped[both] / total_p) / (q[both] / total_q))
    )
    return float(divergence + missing * np.log(BINS))
