"""Integers for weights that together err least on what a layer reads: learned rounding.

A product with rounded weights errs by (w - s q)'x. Its mean square over the inputs x that a layer
sees is the quadratic form (w - s q)'H(w - s q), H = E[x x'], so the integers q that serve each
output channel best follow from the second moments of the inputs alone: no gradients, no labels.
It is the objective of AdaRound (Nagel et al. 2020, arXiv 2004.10568), but over all integers, not
only the two nearest ones, and over the scales s too. Where the layer has a bias, that absorbs the
mean error, and H is the covariance.

Arrays are laid out [groups, inputs, channels]: the weights of the products of each group of a
convolution, channels last so that all of them are rounded at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphopt.ir import Array

# Inputs whose weights are rounded before what they erred is passed on in one matrix product.
BLOCK = 64
# Further visits to each integer, and choices of the scales; what more of them gain is small.
ROUNDS = 4
# Multiples of the given scales that are tried with nearest integers.
RATIOS = np.linspace(0.7, 1.3, 13)


def errors(weights: Array, rounded: Array, moments: Array) -> Array:
    """The mean square error of each output channel, [groups, 1, channels].

    Args:
        weights, rounded: [groups, inputs, channels].
        moments: of the inputs, [groups, inputs, inputs].
    """
    off = weights - rounded
    return _dots(off, moments @ off)


def learn_rounding(
    weights: Array, scales: Array, moments: Array, least: int, most: int
) -> tuple[Array, Array]:
    """Integers and scales that err little; no channel errs more than with the nearest integers.

    From the multiple of each scale that serves nearest integers best, integers are rounded
    jointly (`nearest_planes`), moved one by one (`descend`), and scales are fitted to them
    (`fitted_scales`); the latter two repeat.

    Args:
        weights: [groups, inputs, channels].
        scales: the scales to start from, [groups, 1, channels], above 0.
        moments: of the inputs, [groups, inputs, inputs], positive definite.
        least, most: the range of the integers.

    Returns:
        Integers like `weights`, and scales like `scales`.
    """

    def nearest(scales: Array) -> Array:
        integers: Array = np.clip(np.rint(weights / scales), least, most)
        return integers

    best = _Best(weights, moments, nearest(scales), scales)
    for ratio in RATIOS:
        tried = scales * np.float32(ratio)
        best.offer(nearest(tried), tried)
    scales = best.scales
    integers = nearest_planes(weights / scales, moments, least, most)
    for _ in range(ROUNDS):
        integers = descend(weights / scales, integers, moments, least, most)
        best.offer(integers, scales)
        scales = fitted_scales(weights, integers, scales, moments)
    best.offer(integers, scales)
    return best.integers, best.scales


class _Best:
    """The integers and scale of each channel that have erred least so far."""

    def __init__(self, weights: Array, moments: Array, integers: Array, scales: Array) -> None:
        self._weights, self._moments = weights, moments
        self.integers, self.scales = integers, scales
        self._errors = errors(weights, integers * scales, moments)

    def offer(self, integers: Array, scales: Array) -> None:
        found = errors(self._weights, integers * scales, self._moments)
        better = found < self._errors
        self._errors = np.where(better, found, self._errors)
        self.integers = np.where(better, integers, self.integers)
        self.scales = np.where(better, scales, self.scales)


def nearest_planes(steps: Array, moments: Array, least: int, most: int) -> Array:
    """Integers near `steps`, each chosen to make up for what those before it err.

    This is OBQ and GPTQ (Frantar et al. 2022, arXiv 2210.17323) in the form of Babai's nearest
    plane algorithm (Chen et al. 2025, arXiv 2507.18553), which needs no inverse: with H = UU', U
    upper triangular, row after row of the error U'(steps - integers) is made as small as the next
    integer can make it. Inputs of the largest moments come first.

    Raises:
        numpy.linalg.LinAlgError: the moments are not positive definite.
    """
    order = np.argsort(-np.diagonal(moments, axis1=1, axis2=2), axis=1, kind="stable")
    wanted = np.take_along_axis(steps, order[:, :, None], axis=1)
    ordered = np.take_along_axis(moments, order[:, :, None], axis=1)
    ordered = np.take_along_axis(ordered, order[:, None, :], axis=2).astype(np.float64)
    upper = np.linalg.cholesky(ordered[:, ::-1, ::-1])[:, ::-1, ::-1]
    upper = upper / np.diagonal(upper, axis1=1, axis2=2)[:, None, :]
    integers = np.empty_like(wanted)

    def choose(j: int, made_up: Array) -> Array:
        integers[:, j] = np.clip(np.rint(wanted[:, j] + made_up), least, most)
        off: Array = wanted[:, j] - integers[:, j]
        return off

    _visit(upper.swapaxes(1, 2).astype(np.float32), steps.shape, choose)
    result = np.empty_like(integers)
    np.put_along_axis(result, order[:, :, None], integers, axis=1)
    return result


def descend(steps: Array, integers: Array, moments: Array, least: int, most: int) -> Array:
    """Move each integer once to where its channel errs least; no channel errs more after.

    One sweep of coordinate descent: with all others fixed, the error is a parabola in one integer.
    """
    slopes = moments @ (steps - integers)
    diagonal = np.diagonal(moments, axis1=1, axis2=2)[:, :, None]
    result = np.empty_like(integers)

    def choose(j: int, flattened: Array) -> Array:
        best = integers[:, j] + (slopes[:, j] - flattened) / diagonal[:, j]
        result[:, j] = np.clip(np.rint(best), least, most)
        moved: Array = result[:, j] - integers[:, j]
        return moved

    _visit(moments, steps.shape, choose)
    return result


def fitted_scales(weights: Array, integers: Array, scales: Array, moments: Array) -> Array:
    """The scale with which each channel's integers err least; where that is none, the old one."""
    weighted = moments @ integers
    power = _dots(integers, weighted)
    fitted = _dots(weights, weighted) / np.where(power > 0, power, 1)
    result: Array = np.where((power > 0) & (fitted > 0), fitted, scales)
    return result


def _dots(a: Array, b: Array) -> Array:
    """The dot product over the inputs of each channel, [groups, 1, channels]."""
    result: Array = np.einsum("gic,gic->gc", a, b)[:, None]
    return result


def _visit(couplings: Array, shape: tuple[int, ...], choose: Callable[[int, Array], Array]) -> None:
    """Call `choose` for input after input with the sum of what those before it returned.

    Args:
        couplings: by what number input j multiplies what input i returned, [groups, j, i].
        shape: groups, inputs, channels.
        choose: from the number of an input and an array [groups, channels] to another one.
    """
    returned = np.zeros(shape, np.float32)
    sums = np.zeros(shape, np.float32)
    inputs = shape[1]
    for start in range(0, inputs, BLOCK):
        stop = min(start + BLOCK, inputs)
        for j in range(start, stop):
            recent = couplings[:, j, None, start:j] @ returned[:, start:j]
            returned[:, j] = choose(j, sums[:, j] + recent[:, 0])
        sums[:, stop:] += couplings[:, stop:, start:stop] @ returned[:, start:stop]
