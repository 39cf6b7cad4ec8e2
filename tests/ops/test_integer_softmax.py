"""Softmax of integers: its law and its type rule."""

import numpy as np
import pytest

from graphopt.errors import TypeRuleError
from graphopt.ir import DType, Quant, TensorType
from graphopt.ops import IntegerSoftmax

TABLE = np.rint(np.exp(-0.1 * np.arange(256)) * 2**30).astype(np.int32)


def test_shares_follow_the_table() -> None:
    x = np.array([[10, 3, -128], [0, 0, 0]], np.int8)
    (found,) = IntegerSoftmax(1).evaluate(x, TABLE)
    powers = np.exp(-0.1 * (x.max(axis=1, keepdims=True).astype(np.float64) - x))
    exact = powers / powers.sum(axis=1, keepdims=True) * 2**24
    assert found.dtype == np.int32
    assert np.abs(found - exact).max() <= 1


def test_the_law_bit_for_bit() -> None:
    x = np.array([3, 1, 1], np.int8)
    powers = [int(TABLE[0]), int(TABLE[2]), int(TABLE[2])]
    total = sum(powers)
    reciprocal = (2**56 + total // 2) // total
    expected = [(power * reciprocal + 2**31) >> 32 for power in powers]
    (found,) = IntegerSoftmax(0).evaluate(x, TABLE)
    assert found.tolist() == expected


def test_sums_beyond_32_bits() -> None:
    (found,) = IntegerSoftmax(0).evaluate(np.zeros(1000, np.uint8), TABLE)
    assert np.abs(found - 2**24 / 1000).max() < 1


@pytest.mark.parametrize(
    ("x", "table"),
    [
        (TensorType(DType.I16, (4,)), TensorType(DType.I32, (256,))),
        (TensorType(DType.I8, (4,), Quant((0.1,))), TensorType(DType.I32, (256,))),
        (TensorType(DType.I8, (4,)), TensorType(DType.I32, (16,))),
        (TensorType(DType.I8, (4,)), TensorType(DType.I16, (256,))),
    ],
)
def test_other_types_are_refused(x: TensorType, table: TensorType) -> None:
    with pytest.raises(TypeRuleError):
        IntegerSoftmax(0).infer(x, table)
