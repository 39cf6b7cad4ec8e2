"""How much of a feature map's information its integers keep."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array
from graphopt.ops.quantization import integer_range
from graphopt.quantization.ranges import Histogram, Quantizer


def entropy(counts: Array) -> float:
    """-sum(p log2 p) of relative frequencies, in bits; 0 where nothing was counted."""
    present = counts[counts > 0]
    if not present.size:
        return 0.0
    p = present / present.sum()
    return float(max(0.0, -np.sum(p * np.log2(p))))


def stored_entropy(histogram: Histogram, chosen: Quantizer) -> float:
    """The entropy, in bits, of the integers that stand for what a histogram saw."""
    least, most = integer_range(chosen.dtype)
    level = np.rint(histogram.centres / chosen.scale) + chosen.zero_point
    level = (np.clip(level, least, most) - least).astype(np.int64)
    return entropy(np.bincount(level, weights=histogram.counts, minlength=most - least + 1))


def entropy_loss(histogram: Histogram, chosen: Quantizer) -> float:
    """The share of the entropy that is lost: (H - H(b)) / H, H that of the histogram's bins.

    Omega of QuantMCU (arXiv 2401.13714); 0 where there is no entropy to lose.
    """
    whole = entropy(histogram.counts)
    if whole == 0.0:
        return 0.0
    return max(0.0, 1 - stored_entropy(histogram, chosen) / whole)
