"""The law of requantization against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphopt.errors import TypeRuleError
from graphopt.ir import DType, Quant, TensorType
from graphopt.ops import Requantize, Rescale
from graphopt.ops.dyadic import FRACTION_BITS, MAX_FACTOR, dyadic
from graphopt.ops.quantization import integer_range

EXAMPLES = settings(max_examples=400, deadline=None, derandomize=True)
I32 = st.integers(-(2**31), 2**31 - 1)
FACTORS = st.builds(
    lambda mantissa, exponent: float(np.ldexp(mantissa, exponent)),
    st.floats(0.5, 1.0, exclude_max=True),
    st.integers(-45, 29),
)
SMALL = st.builds(
    lambda mantissa, exponent: float(np.ldexp(mantissa, exponent)),
    st.floats(0.5, 1.0, exclude_max=True),
    st.integers(-45, -1),
)
# What is beyond it saturates any result of 16 bits, whatever the zero point.
SATURATES = 2**29


def exact(x: int, factor: float) -> int:
    """x * factor, rounded to the nearest integer, halves up."""
    return (Fraction(x) * Fraction(factor) + Fraction(1, 2)).__floor__()


@EXAMPLES
@given(I32, FACTORS, st.integers(-(2**15), 2**15))
@example(2**31 - 1, 0.49999999999999994, 0)
@example(-(2**31), 0.5, 0)
@example(2**31 - 1, 2.0**-32, 0)
@example(-(2**31), 2.0**-33, 0)
@example(1, 2.0**28, 0)
@example(3, 0.5, 0)
@example(-3, 0.5, 0)
def test_never_more_than_a_step_from_the_exact_product(x: int, factor: float, offset: int) -> None:
    found = int(dyadic(factor).apply(np.array(x), offset))
    wanted = exact(x, factor) + offset
    if abs(wanted) >= SATURATES or abs(found) >= SATURATES:
        bounds = -SATURATES // 2, SATURATES // 2
        assert np.clip(found, *bounds) == np.clip(wanted, *bounds)
    else:
        assert abs(found - wanted) <= 1


@EXAMPLES
@given(st.integers(-(2**24), 2**24), SMALL)
def test_equal_where_the_product_is_not_close_to_a_half(x: int, factor: float) -> None:
    """The multiplier has 31 bits or is exact to 2^-33: sums of 24 bits are off by 2^-9 at most."""
    product = Fraction(x) * Fraction(factor)
    fraction = product + Fraction(1, 2) - (product + Fraction(1, 2)).__floor__()
    if Fraction(1, 512) <= fraction <= 1 - Fraction(1, 512):
        assert int(dyadic(factor).apply(np.array(x))) == exact(x, factor)


@EXAMPLES
@given(I32, st.integers(-44, 28))
def test_powers_of_two_are_exact(x: int, exponent: int) -> None:
    factor = 2.0**exponent
    wanted = exact(x, factor)
    if abs(wanted) < SATURATES and exponent >= -FRACTION_BITS:
        assert int(dyadic(factor).apply(np.array(x))) == wanted


@EXAMPLES
@given(FACTORS)
def test_multiplier_and_shift_are_in_range(factor: float) -> None:
    law = dyadic(factor)
    assert 0 <= law.multiplier < 2**31
    assert 0 <= law.shift <= 30
    value = Fraction(int(law.multiplier)) * 2 ** int(law.shift) / 2**FRACTION_BITS
    assert abs(value - Fraction(factor)) <= Fraction(2 ** int(law.shift), 2 ** (FRACTION_BITS + 1))


@EXAMPLES
@given(I32, st.integers(0, 2**31 - 1), st.integers(-(2**15), 2**15))
def test_the_operator_is_the_formula(x: int, multiplier: int, offset: int) -> None:
    arrays = (np.array(each, np.int32) for each in (x, multiplier, offset))
    (found,) = Rescale().evaluate(*arrays)
    assert found == ((x * multiplier + 2**31) >> 32) + offset
    assert found.dtype == np.int32


def test_one_factor_for_each_channel() -> None:
    factors = np.array([[0.3], [700.0]])
    x = np.arange(-3, 4).reshape(1, -1)
    wanted = [[exact(int(i), f) for i in x[0]] for f in (0.3, 700.0)]
    np.testing.assert_array_equal(dyadic(factors).apply(x), wanted)


def test_a_factor_that_no_shift_reaches_is_refused() -> None:
    dyadic(MAX_FACTOR * 0.99)
    with pytest.raises(TypeRuleError, match=r"rescale: factor: expected less than 2\^29, found"):
        dyadic(np.array([0.5, MAX_FACTOR * 1.01]))


def test_rescaling_takes_only_i32() -> None:
    i32, i16 = TensorType(DType.I32, (2,)), TensorType(DType.I16, (2,))
    assert Rescale().infer(i32, i32, i32) == (i32,)
    with pytest.raises(TypeRuleError, match="expected i32, found i16"):
        Rescale().infer(i16, i16, i16)


NARROW = st.sampled_from([DType.I8, DType.U8, DType.I16, DType.U16, DType.I4, DType.U4])


@EXAMPLES
@given(I32, FACTORS, NARROW, st.data())
def test_requantization_saturates_around_the_zero_point(
    x: int, factor: float, dtype: DType, data: st.DataObject
) -> None:
    low, high = integer_range(dtype)
    zero = data.draw(st.integers(low, high))
    op = Requantize(Quant((factor,)), dtype, Quant((1.0,), (zero,)))
    (found,) = op.evaluate(np.array(x, np.int32))
    wanted = min(max(exact(x, factor) + zero, low), high)
    assert abs(int(found) - wanted) <= 1
    assert found.dtype == dtype.numpy
