"""The square root of integers is rounded down, without exception."""

from math import isqrt

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphopt.ops import Sqrt


@given(st.integers(0, 2**63 - 1))
@example(2**63 - 1)
@example(3037000499**2)
@example(3037000499**2 - 1)
@example((2**27 + 1) ** 2 - 1)
def test_of_64_bits(x: int) -> None:
    (found,) = Sqrt().evaluate(np.array([x, max(0, isqrt(x) ** 2 - 1)], np.int64))
    assert found.tolist() == [isqrt(x), isqrt(max(0, isqrt(x) ** 2 - 1))]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint64])
def test_of_other_types(dtype: type) -> None:
    limits = np.iinfo(dtype)
    numbers = [int(limits.min), 0, 1, 2, 3, 4, 120, 121, int(limits.max)]
    (found,) = Sqrt().evaluate(np.array(numbers, dtype))
    assert found.dtype == dtype
    assert found.tolist() == [isqrt(max(0, each)) for each in numbers]
