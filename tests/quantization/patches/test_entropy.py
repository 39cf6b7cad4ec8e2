"""Entropies against values known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.ir import DType
from graphopt.quantization.patches.entropy import entropy, entropy_loss, stored_entropy
from graphopt.quantization.ranges import Histogram, Quantizer


def test_entropy_by_hand() -> None:
    # 1/2, 1/4, 1/8, 1/8: 1/2 * 1 + 1/4 * 2 + 2 * 1/8 * 3 bits.
    assert entropy(np.array([8.0, 4.0, 0.0, 2.0, 2.0])) == pytest.approx(1.75)
    assert entropy(np.array([5.0, 0.0])) == 0.0
    assert entropy(np.zeros(3)) == 0.0


def levels(count: int) -> Histogram:
    """The numbers 0 to count - 1, each as often."""
    histogram = Histogram()
    histogram.add(np.arange(count, dtype=np.float32))
    return histogram


def test_integers_keep_the_entropy_that_they_have_levels_for() -> None:
    sixteen = levels(16)
    assert stored_entropy(sixteen, Quantizer(DType.I8, 1.0, 0)) == pytest.approx(4.0)
    assert stored_entropy(sixteen, Quantizer(DType.I4, 1.0, -8)) == pytest.approx(4.0)
    # On the levels 0, 4, 8 and 12 are 0 to 1, 2 to 5, 6 to 9 and the rest: centres of bins lie
    # above what they hold.
    shares = np.array([2, 4, 4, 6]) / 16
    two = stored_entropy(sixteen, Quantizer(DType.I2, 4.0, -2))
    assert two == pytest.approx(float(-np.sum(shares * np.log2(shares))))


def test_entropy_lost() -> None:
    sixteen = levels(16)
    assert entropy_loss(sixteen, Quantizer(DType.I8, 1.0, 0)) == pytest.approx(0.0)
    assert entropy_loss(sixteen, Quantizer(DType.I8, 100.0, 0)) == pytest.approx(1.0)
    halves = entropy_loss(sixteen, Quantizer(DType.I4, 8.0, 0))
    assert 0.5 < halves < 1.0


def test_a_constant_has_no_entropy_to_lose() -> None:
    constant = Histogram()
    constant.add(np.full(4, 3.0, np.float32))
    assert entropy_loss(constant, Quantizer(DType.I2, 1.0, 0)) == 0.0
