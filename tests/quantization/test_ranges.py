"""Histograms, and the quantizers that each method makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphopt.errors import OptionError
from graphopt.ir import Array, DType
from graphopt.ops.quantization import integer_range
from graphopt.quantization.ranges import (
    RANGE_METHODS,
    Histogram,
    Quantizer,
    RangeMethod,
    choose_quantizer,
    quantizer,
)

FINITE = st.floats(-1e6, 1e6, width=32)


def histogram(*arrays: Array) -> Histogram:
    found = Histogram()
    for array in arrays:
        found.add(array)
    return found


def error(values: Array, chosen: Quantizer) -> float:
    low, high = integer_range(chosen.dtype)
    stored = np.clip(np.rint(values / chosen.scale) + chosen.zero_point, low, high)
    return float(np.mean((values - (stored - chosen.zero_point) * chosen.scale) ** 2))


@given(st.lists(st.lists(FINITE, min_size=1, max_size=5), min_size=1, max_size=6))
def test_growing_histogram_counts_all_and_keeps_its_bins_narrow(parts: list[list[float]]) -> None:
    arrays = [np.array(part, np.float32) for part in parts]
    found = histogram(*arrays)
    together = np.concatenate(arrays)
    assert [found.low, found.high] == [float(together.min()), float(together.max())]
    assert found.counts.sum() == together.size
    middles = np.repeat(found.centres, found.counts.astype(int))
    width = max((found.high - found.low) / 500, 1e-4 * np.abs(together).max(), 1e-30)
    np.testing.assert_allclose(np.sort(together), middles, atol=width)


def test_merged_histograms() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, 1, 1000), rng.normal(20, 3, 1000), rng.normal(-5, 1, 1000)]
    a, b = histogram(parts[0].astype(np.float32)), histogram(*parts[1:])
    a.merge(b)
    assert a.counts.sum() == 3000
    assert (a.low, a.high) == (float(np.float32(np.min(parts))), float(np.float32(np.max(parts))))
    a.merge(Histogram())
    assert a.counts.sum() == 3000


@given(FINITE, FINITE, st.sampled_from([DType.I8, DType.U8, DType.I4, DType.I16]), st.booleans())
def test_a_quantizer_covers_its_range_and_zero(
    a: float, b: float, dtype: DType, symmetric: bool
) -> None:
    low, high = min(a, b), max(a, b)
    chosen = quantizer(low, high, dtype, symmetric)
    assert chosen.scale > 0
    least, most = integer_range(dtype)
    assert least <= chosen.zero_point <= most
    # The zero point is rounded, by which the range shifts by up to half a step.
    assert chosen.low <= min(low, 0) + 0.51 * chosen.scale
    assert chosen.high >= max(high, 0) - 0.51 * chosen.scale
    if symmetric and dtype.is_signed:
        assert chosen.zero_point == 0


@pytest.mark.parametrize("method", RANGE_METHODS)
def test_constant_tensors_have_sound_scales(method: RangeMethod) -> None:
    for constant in (0.0, 3.5, -1e-20, 1e-45):
        chosen = choose_quantizer(histogram(np.full(10, constant, np.float32)), DType.I8, method)
        assert 1e-37 < chosen.scale <= 1
        assert error(np.array([constant]), chosen) <= (0.01 * constant) ** 2 + 1e-38
    assert choose_quantizer(Histogram(), DType.I8, method) == Quantizer(DType.I8, 1.0, -128)


@pytest.mark.parametrize("dtype", [DType.I8, DType.I4])
def test_mse_is_no_worse_than_the_others(dtype: DType) -> None:
    values = np.random.default_rng(0).standard_t(3, 20000).astype(np.float32)
    chosen = {m: choose_quantizer(histogram(values), dtype, m) for m in RANGE_METHODS}
    errors = {method: error(values, each) for method, each in chosen.items()}
    assert errors["mse"] <= min(errors.values()) * 1.02
    assert errors["mse"] < errors["minmax"]
    assert chosen["entropy"].high < chosen["minmax"].high


def test_percentile_leaves_outliers_out() -> None:
    values = np.append(np.linspace(0, 1, 99_999), 1000).astype(np.float32)
    chosen = choose_quantizer(histogram(values), DType.I8, "percentile")
    assert chosen.low == 0
    assert 0.9 < chosen.high < 2


def test_one_sided_values_use_all_integers() -> None:
    values = np.linspace(0, 6, 1000, dtype=np.float32)
    for method in RANGE_METHODS:
        chosen = choose_quantizer(histogram(values), DType.I8, method)
        assert (chosen.zero_point, chosen.low) == (-128, 0)
        assert chosen.high == pytest.approx(6, rel=0.02)


def test_unknown_method() -> None:
    with pytest.raises(OptionError, match="ranges: expected one of minmax, percentile, mse, ent"):
        choose_quantizer(Histogram(), DType.I8, "median")  # type: ignore[arg-type]
