"""Bits by score, and settings that mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import OptionError
from graphopt.quantization.formats import ACTIVATIONS
from graphopt.quantization.patches.bits import ValueBits, choose_bits, score
from graphopt.quantization.ranges import Histogram, choose_quantizer


def seen(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.add(np.array(values, np.float32))
    return histogram


# Rich holds 256 levels, plain two.
RICH, PLAIN = seen([float(i) for i in range(256)]), seen([0.0, 255.0] * 128)
ALL = ValueBits(bits=(8, 4, 2))
WHOLE = seen([float(i) for i in range(256)] + [0.0, 255.0] * 128)
QUANTIZERS = {b: choose_quantizer(WHOLE, ACTIVATIONS[b], "minmax") for b in (8, 4, 2)}


def test_score() -> None:
    assert score(omega=0.5, phi=0.75, weight=0.6) == pytest.approx(-0.3 + 0.3)


def test_two_levels_need_two_bits() -> None:
    chosen = choose_bits(
        [RICH, PLAIN], [False, False], QUANTIZERS, ValueBits(weight=0.8, bits=(8, 4, 2))
    )
    assert chosen == [8, 2]


def test_outlier_patches_keep_eight_bits() -> None:
    assert choose_bits([PLAIN, PLAIN], [True, False], QUANTIZERS, ALL) == [8, 2]


def test_lambda_trades_entropy_for_operations() -> None:
    only_operations = choose_bits(
        [RICH], [False], QUANTIZERS, ValueBits(weight=0.0, bits=(8, 4, 2))
    )
    only_entropy = choose_bits([RICH], [False], QUANTIZERS, ValueBits(weight=1.0, bits=(8, 4, 2)))
    assert (only_operations, only_entropy) == ([2], [8])


def test_only_the_offered_bits() -> None:
    chosen = choose_bits(
        [RICH], [False], {b: QUANTIZERS[b] for b in (8, 4)}, ValueBits(weight=0.0, bits=(8, 4))
    )
    assert chosen == [4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"phi": 1.0}, "phi: expected a share between 0 and 1, found 1.0"),
        ({"weight": 1.5}, "lambda: expected a share from 0 to 1, found 1.5"),
        ({"tolerance": -0.1}, "tolerance: expected a share from 0 to 1, found -0.1"),
        ({"bits": (4, 2)}, r"patch bits: expected 8 and others of \[2, 4, 8\]"),
        ({"bits": (8, 3)}, r"patch bits: expected 8 and others of \[2, 4, 8\]"),
    ],
)
def test_settings_that_mean_nothing(settings: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ValueBits(**settings)  # type: ignore[arg-type]
