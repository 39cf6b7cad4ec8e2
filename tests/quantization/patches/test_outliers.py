"""Patches with planted outliers are found, others are not."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import OptionError
from graphopt.ir import Array
from graphopt.quantization.patches.outliers import (
    central_bounds,
    outlier_patches,
    share_outside,
)
from graphopt.quantization.ranges import Histogram

# 99.99% of a Gaussian lies within this many deviations of its mean.
DEVIATIONS, PHI = 3.8906, 0.9999


def seen(*arrays: Array) -> Histogram:
    histogram = Histogram()
    for array in arrays:
        histogram.add(array)
    return histogram


def patches(feature_map: Array) -> list[Array]:
    """A map [C, 16, 16] in 4 by 4 patches, row by row."""
    return [feature_map[:, r : r + 4, c : c + 4] for r in range(0, 16, 4) for c in range(0, 16, 4)]


def bounded_map() -> Array:
    rng = np.random.default_rng(0)
    values: Array = rng.normal(0.5, 2.0, (8, 16, 16)).clip(-5.5, 6.5)
    return values


def test_central_bounds_are_those_of_the_fitted_gaussian() -> None:
    rng = np.random.default_rng(1)
    low, high = central_bounds(seen(rng.normal(3.0, 2.0, 200_000)), PHI)
    assert low == pytest.approx(3 - 2 * DEVIATIONS, rel=0.02)
    assert high == pytest.approx(3 + 2 * DEVIATIONS, rel=0.02)


def test_planted_outliers_classify_their_patches() -> None:
    feature_map = bounded_map()
    feature_map[3, 5, 9] = 40.0  # the second row of patches, third column
    feature_map[0, 15, 0] = -40.0  # the last row, first column
    bounds = central_bounds(seen(feature_map), PHI)
    found = outlier_patches([seen(patch) for patch in patches(feature_map)], bounds)
    assert [i for i, outlier in enumerate(found) if outlier] == [6, 12]


def test_a_map_without_outliers_has_no_outlier_patches() -> None:
    feature_map = bounded_map()
    bounds = central_bounds(seen(feature_map), PHI)
    assert not any(outlier_patches([seen(patch) for patch in patches(feature_map)], bounds))


def test_a_smaller_central_mass_leaves_more_patches_with_outliers() -> None:
    histograms = [seen(patch) for patch in patches(bounded_map())]
    counts = []
    for phi in (0.5, 0.99, PHI):
        bounds = central_bounds(seen(bounded_map()), phi)
        counts.append(sum(outlier_patches(histograms, bounds)))
    assert counts[0] == 16 >= counts[1] > counts[2] == 0


def test_tolerated_outliers_do_not_classify() -> None:
    patch = np.zeros(100)
    patch[:3] = 10.0
    assert share_outside(seen(patch), (-1.0, 1.0)) == pytest.approx(0.03)
    assert outlier_patches([seen(patch)], (-1.0, 1.0), 0.02) == [True]
    assert outlier_patches([seen(patch)], (-1.0, 1.0), 0.03) == [False]


def test_equal_values_are_no_outliers() -> None:
    constant = seen(np.full(9, 2.5))
    bounds = central_bounds(constant, 0.96)
    assert bounds == (2.5, 2.5)
    assert outlier_patches([constant], bounds) == [False]


def test_nothing_seen_is_no_outlier() -> None:
    assert central_bounds(Histogram(), 0.96) == (0.0, 0.0)
    assert outlier_patches([Histogram()], (0.0, 0.0)) == [False]


@pytest.mark.parametrize("phi", [0.0, 1.0, -1.0, float("nan")])
def test_no_such_mass(phi: float) -> None:
    with pytest.raises(OptionError, match="phi: expected a share between 0 and 1"):
        central_bounds(seen(np.zeros(1)), phi)
