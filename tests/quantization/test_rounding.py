"""Learned rounding against all integers there are, and against the nearest ones."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.ir import Array
from graphopt.quantization.rounding import (
    descend,
    errors,
    fitted_scales,
    learn_rounding,
    nearest_planes,
)


def problem(
    seed: int, groups: int, inputs: int, channels: int, spread: float = 1.0
) -> tuple[Array, Array, Array]:
    """Weights, min-max scales for integers from -8 to 7, and moments of correlated inputs."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((groups, inputs, channels)).astype(np.float32)
    scales = np.abs(weights).max(axis=1, keepdims=True) / 7
    mixing = rng.standard_normal((groups, inputs, inputs)) + spread
    moments = mixing @ mixing.swapaxes(1, 2) / inputs + 0.01 * np.eye(inputs)
    return weights, scales.astype(np.float32), moments.astype(np.float32)


def nearest(weights: Array, scales: Array) -> Array:
    result: Array = np.clip(np.rint(weights / scales), -8, 7)
    return result


def brute_force(weights: Array, scales: Array, moments: Array) -> float:
    """The least error of one channel, over all integers."""
    candidates = np.array(list(product(range(-8, 8), repeat=weights.shape[1])), np.float32)
    off = weights[0, :, 0] - candidates * scales[0, 0, 0]
    return float(np.einsum("ni,ij,nj->n", off, moments[0], off).min())


def test_errors_are_mean_squares_of_what_the_products_are_off() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 1000)).astype(np.float32)
    weights = rng.standard_normal((2, 5, 3)).astype(np.float32)
    rounded = np.rint(weights)
    off = np.einsum("gip,gic->gpc", x, weights - rounded)
    found = errors(weights, rounded, x @ x.swapaxes(1, 2) / np.float32(1000))
    np.testing.assert_allclose(found, np.mean(off**2, axis=1, keepdims=True), rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(1, 150),
    st.integers(1, 4),
    st.sampled_from([0.0, 1.0, 5.0]),
)
def test_no_channel_errs_more_than_with_nearest_integers(
    seed: int, groups: int, inputs: int, channels: int, spread: float
) -> None:
    weights, scales, moments = problem(seed, groups, inputs, channels, spread)
    integers, fitted = learn_rounding(weights, scales, moments, -8, 7)
    assert integers.shape == weights.shape
    assert fitted.shape == scales.shape
    assert (fitted > 0).all()
    assert (integers == np.clip(np.rint(integers), -8, 7)).all()
    before = errors(weights, nearest(weights, scales) * scales, moments)
    after = errors(weights, integers * fitted, moments)
    assert (after <= before * (1 + 1e-4)).all()


def test_much_is_gained_where_inputs_go_together() -> None:
    weights, scales, moments = problem(0, 1, 100, 20)
    integers, fitted = learn_rounding(weights, scales, moments, -8, 7)
    before = errors(weights, nearest(weights, scales) * scales, moments).sum()
    assert errors(weights, integers * fitted, moments).sum() < 0.2 * before


def test_almost_the_best_integers_of_all() -> None:
    excesses = []
    for seed in range(20):
        weights, scales, moments = problem(seed, 1, 3, 1)
        best = brute_force(weights, scales, moments)
        integers = nearest_planes(weights / scales, moments, -8, 7)
        integers = descend(weights / scales, integers, moments, -8, 7)
        found = float(errors(weights, integers * scales, moments)[0, 0, 0])
        assert found >= best * (1 - 1e-4)
        excesses.append(found / best)
    assert sorted(excesses)[13] < 1.001
    assert np.mean(excesses) < 1.6


def test_uncorrelated_inputs_leave_the_nearest_integers() -> None:
    weights, scales, _ = problem(1, 2, 70, 5)
    moments = np.stack([np.diag(np.arange(1, 71, dtype=np.float32))] * 2)
    planes = nearest_planes(weights / scales, moments, -8, 7)
    np.testing.assert_array_equal(planes, nearest(weights, scales))


def test_planes_choose_one_by_one_what_the_definition_says() -> None:
    weights, scales, moments = problem(2, 1, 90, 3)
    steps = weights / scales
    order = np.argsort(-np.diagonal(moments[0]), kind="stable")
    h = moments[0][np.ix_(order, order)].astype(np.float64)
    left, expected = steps[0, order].astype(np.float64), np.empty((90, 3))
    for j in range(90):  # OBQ: the others, still free, take the error in the best way
        expected[j] = np.clip(np.rint(left[j]), -8, 7)
        rest = h[j + 1 :, j + 1 :]
        if rest.size:
            coupling = np.linalg.solve(rest, h[j + 1 :, j])
            left[j + 1 :] += np.outer(coupling, left[j] - expected[j])
    found = nearest_planes(steps, moments, -8, 7)[0, order]
    assert np.mean(found == expected) > 0.99


def test_descending_ends_where_no_single_integer_is_better() -> None:
    weights, scales, moments = problem(3, 1, 6, 2)
    steps = weights / scales
    integers = nearest(weights, scales)
    for _ in range(50):
        integers = descend(steps, integers, moments, -8, 7)
    least = errors(steps, integers, moments)
    for j in range(6):
        for move in (-1, 1):
            moved = integers.copy()
            moved[:, j] = np.clip(moved[:, j] + move, -8, 7)
            assert (errors(steps, moved, moments) >= least * (1 - 1e-5)).all()


def test_fitted_scales_err_least() -> None:
    weights, scales, moments = problem(4, 2, 12, 3)
    integers = nearest(weights, scales)
    fitted = fitted_scales(weights, integers, scales, moments)
    least = errors(weights, integers * fitted, moments)
    for factor in (0.99, 1.01):
        assert (errors(weights, integers * fitted * np.float32(factor), moments) > least).all()


def test_channels_without_weights_keep_their_scale() -> None:
    weights, scales, moments = problem(5, 1, 8, 2)
    weights[..., 0] = 0
    integers, fitted = learn_rounding(weights, scales, moments, -8, 7)
    assert not integers[..., 0].any()
    assert fitted[0, 0, 0] == scales[0, 0, 0]
