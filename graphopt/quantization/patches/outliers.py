"""Which patches of a feature map hold outliers.

Value-driven patch classification (VDPC) of Tao et al., "Value-Driven Mixed-Precision Quantization
for Patch-Based Inference on Microcontrollers" (QuantMCU), 2024 (arXiv 2401.13714): a Gaussian is
fitted to the values of the whole map; values outside of its central mass phi are outliers, and a
patch that holds some keeps 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from graphopt.errors import OptionError
from graphopt.quantization.ranges import Histogram

Bounds = tuple[float, float]


def central_bounds(histogram: Histogram, phi: float) -> Bounds:
    """Between which values the Gaussian fitted to what a histogram saw has the mass `phi`.

    Where all values are equal, that is between this value and itself.

    Args:
        phi: of the mass, above 0 and below 1; half of the rest lies on each side.

    Raises:
        OptionError: no such share.
    """
    if not 0 < phi < 1:
        raise OptionError("phi", f"expected a share between 0 and 1, found {phi}")
    if not np.isfinite(histogram.low):
        return 0.0, 0.0
    weights = histogram.counts / histogram.counts.sum()
    mean = float(weights @ histogram.centres)
    deviation = float(np.sqrt(weights @ (histogram.centres - mean) ** 2))
    if deviation == 0.0:
        return histogram.low, histogram.high
    gaussian = NormalDist(mean, deviation)
    return gaussian.inv_cdf((1 - phi) / 2), gaussian.inv_cdf((1 + phi) / 2)


def share_outside(histogram: Histogram, bounds: Bounds) -> float:
    """The share of what a histogram saw that lies outside of `bounds`, to the width of its bins.

    That is never 0 where its least or its largest value lies outside.
    """
    low, high = bounds
    total = histogram.counts.sum()
    if not total or (low <= histogram.low and histogram.high <= high):
        return 0.0
    centres = histogram.centres
    outside = histogram.counts[(centres < low) | (centres > high)].sum()
    return float(max(outside, 1.0) / total)


def outlier_patches(
    patches: Sequence[Histogram], bounds: Bounds, tolerance: float = 0.0
) -> list[bool]:
    """Whether each patch holds outliers: more than `tolerance` of its values are outside.

    Args:
        patches: what the values of each patch of one map were, over all samples.
        bounds: of the whole map; see `central_bounds`.
        tolerance: a share of the values of a patch. 0: a single value counts.
    """
    return [share_outside(patch, bounds) > tolerance for patch in patches]
