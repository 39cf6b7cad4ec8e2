"""Arithmetic on axes, against numpy."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphopt.analysis.axes import (
    along_axis,
    broadcast_before_reshape,
    compose,
    groups,
    inverse,
    moves_data,
)

Shape = tuple[int, ...]


@pytest.mark.parametrize("first", list(permutations(range(3))))
@pytest.mark.parametrize("then", list(permutations(range(3))))
def test_permutations(first: Shape, then: Shape) -> None:
    x = np.arange(24).reshape(2, 3, 4)
    assert compose(first, inverse(first)) == (0, 1, 2)
    np.testing.assert_array_equal(
        x.transpose(first).transpose(then), x.transpose(compose(first, then))
    )


@pytest.mark.parametrize("perm", list(permutations(range(4))))
def test_whether_a_transpose_moves_data(perm: Shape) -> None:
    x = np.arange(6).reshape(1, 2, 1, 3)
    moved = x.transpose(perm).ravel().tolist() != x.ravel().tolist()
    assert moves_data(perm, x.shape) is moved


def test_a_vector_along_an_axis() -> None:
    shape = (2, 3, 4)
    vector = along_axis(np.array([[1], [2], [3]]), shape, 1)
    assert vector is not None and vector.tolist() == [1, 2, 3]
    number = along_axis(np.array(5), shape, 2)
    assert number is not None and number.tolist() == [5, 5, 5, 5]
    assert along_axis(np.array([1, 2, 3, 4]), shape, 1) is None
    assert along_axis(np.ones((1, 1, 3, 1)), shape, 1) is None
    assert along_axis(np.ones((2, 1)), (1, 1), 0) is None


FACTORS = st.lists(st.sampled_from([1, 2, 3]), max_size=4)


@st.composite
def reshapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Two shapes of one size."""
    factors = draw(FACTORS)

    def shape() -> Shape:
        dims: list[int] = []
        for factor in factors:
            how = draw(st.sampled_from(["merge", "append", "append and a 1"]))
            if dims and how == "merge":
                dims[-1] *= factor
            else:
                dims += [factor, 1] if how == "append and a 1" else [factor]
        return tuple(dims)

    return shape(), shape()


@given(reshapes())
def test_groups_cover_both_shapes_with_equal_products(shapes: tuple[Shape, Shape]) -> None:
    source, target = shapes
    found = list(groups(source, target))
    assert [i for a, _ in found for i in range(a.start, a.stop)] == list(range(len(source)))
    assert [i for _, b in found for i in range(b.start, b.stop)] == list(range(len(target)))
    for a, b in found:
        assert math.prod(source[a]) == math.prod(target[b])


@given(reshapes(), st.data())
def test_broadcasting_before_a_reshape_is_broadcasting_after_it(
    shapes: tuple[Shape, Shape], data: st.DataObject
) -> None:
    source, target = shapes
    small = tuple(data.draw(st.sampled_from([1, size])) for size in target)
    before = broadcast_before_reshape(small, source, target)
    if before is None:
        return
    y = np.arange(math.prod(small)).reshape(small)
    np.testing.assert_array_equal(
        np.broadcast_to(y.reshape(before), source).reshape(target), np.broadcast_to(y, target)
    )
