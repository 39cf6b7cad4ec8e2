"""Weights and biases as integers."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import OptionError
from graphopt.ir import Array, DType
from graphopt.quantization.weights import (
    WEIGHT_METHODS,
    WeightMethod,
    fit_bias,
    narrow_weights,
    quantize_bias,
    quantize_constant,
    quantize_weights,
)


def weights(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("method", WEIGHT_METHODS)
@pytest.mark.parametrize("dtype", [DType.I16, DType.I8, DType.I4, DType.I2])
def test_each_channel_has_its_own_scale(dtype: DType, method: WeightMethod) -> None:
    w = weights(3, 4, 5) * np.array([1, 10, 100], np.float32).reshape(3, 1, 1)
    found = quantize_weights(w, 0, dtype, method)
    assert found.scales.shape == (3,)
    assert found.stored.dtype == dtype.numpy
    errors = np.abs(found.real - w).max(axis=(1, 2)) / np.abs(w).max(axis=(1, 2))
    assert errors.max() < 1.01 * 2.0 ** -(dtype.bits - 1) if method == "minmax" else 1


def test_axis_in_the_middle() -> None:
    w = weights(4, 3, 5)
    along_second = quantize_weights(w, 1, DType.I8, "mse")
    along_first = quantize_weights(np.moveaxis(w, 1, 0), 0, DType.I8, "mse")
    np.testing.assert_array_equal(along_second.real, np.moveaxis(along_first.real, 0, 1))


@pytest.mark.parametrize("dtype", [DType.I8, DType.I4, DType.I2])
def test_mse_has_the_smaller_error(dtype: DType) -> None:
    w = weights(8, 500)
    errors = {
        method: np.square(quantize_weights(w, 0, dtype, method).real - w).sum(axis=1)
        for method in WEIGHT_METHODS
    }
    assert (errors["mse"] <= errors["minmax"]).all()
    assert errors["mse"].sum() < (0.7 if dtype is not DType.I8 else 1) * errors["minmax"].sum()


def test_weights_on_the_grid_stay() -> None:
    stored = np.random.default_rng(0).integers(-127, 128, (4, 50))
    stored[:, 0] = 127
    w = (stored * np.array([[0.1], [0.02], [3], [1e-3]])).astype(np.float32)
    np.testing.assert_array_equal(quantize_weights(w, 0, DType.I8, "mse").stored, stored)


def test_a_channel_of_zeros_has_the_scale_of_the_others() -> None:
    w = weights(3, 10)
    w[1] = 0
    found = quantize_weights(w, 0, DType.I8, "minmax")
    assert found.scales[1] == found.scales.max()
    assert (quantize_weights(w * 0, 0, DType.I8, "mse").scales == 1).all()


def test_unknown_method() -> None:
    with pytest.raises(OptionError, match="weight ranges: expected one of minmax, mse, found"):
        quantize_weights(weights(2, 2), 0, DType.I8, "best")  # type: ignore[arg-type]


def test_scales_grow_until_the_bias_fits() -> None:
    w = weights(2, 10) * 1e-6
    before = quantize_weights(w, 0, DType.I8, "minmax")
    assert fit_bias(before, np.array([0.0, 1e-4]), 1, 1e-4) is before
    found = fit_bias(before, np.array([0.0, 1e3]), 1, 1e-4)
    assert found.scales[0] == before.scales[0]
    scale = found.scales * np.float32(1e-4)
    stored = quantize_bias(np.array([0.0, 1e3]), scale)
    assert stored[1] * float(scale[1]) == pytest.approx(1e3, rel=1e-6)
    assert 2**30 < stored[1] < 2**31 * 0.76


def test_a_single_number_stays_precise() -> None:
    found = quantize_constant(np.array(0.3, np.float32), DType.I16)
    assert found.stored.shape == ()
    assert float(found.stored) * found.scales[0] == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize(("dtype", "mantissa"), [(DType.F8E4M3FN, 3), (DType.F8E5M2, 2)])
def test_floats_of_8_bits_keep_the_relative_size_of_large_weights(
    dtype: DType, mantissa: int
) -> None:
    w = weights(3, 50) * np.array([[1e-3], [1], [1e3]], np.float32)
    w[1] = 0
    found = narrow_weights(w, 0, dtype)
    assert found.stored.dtype == dtype.numpy and np.isfinite(found.real).all()
    assert not found.real[1].any()
    large = np.abs(w) > np.abs(w).max(axis=1, keepdims=True) / 16
    large[1] = False
    assert (np.abs(found.real - w)[large] <= np.abs(w)[large] * 2.0 ** -(mantissa + 1)).all()


def test_half_precision_needs_no_scales() -> None:
    w = weights(2, 3)
    found = narrow_weights(w, 0, DType.F16)
    np.testing.assert_array_equal(found.real, w.astype(np.float16).astype(np.float32))
