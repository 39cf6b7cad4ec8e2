"""How axes, permutations and broadcasting relate: arithmetic on shapes alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from graphopt.ir import Array

Shape = tuple[int, ...]


def inverse(perm: Sequence[int]) -> Shape:
    """The permutation that undoes `perm`."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def compose(first: Sequence[int], then: Sequence[int]) -> Shape:
    """The one permutation that does what `first` and then `then` do."""
    return tuple(first[i] for i in then)


def moves_data(perm: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether transposing an array of `shape` changes the order of its elements in memory."""
    moved = [i for i in perm if shape[i] != 1]
    return moved != sorted(moved)


def padded(shape: Sequence[int], rank: int) -> Shape:
    """`shape` with ones in front, as broadcasting sees it among shapes of `rank`."""
    return (1,) * (rank - len(shape)) + tuple(shape)


def column(axis: int, rank: int) -> Shape:
    """The shape that lays a vector along `axis` of a tensor of `rank`: -1 there, else 1."""
    return tuple(-1 if i == axis else 1 for i in range(rank))


def along_axis(array: Array, shape: Sequence[int], axis: int) -> Array | None:
    """The vector [shape[axis]] that `array` is when it broadcasts to `shape`.

    Returns:
        None when `array` varies along another axis, or when broadcasting with it would
        change `shape`.
    """
    if array.ndim > len(shape):
        return None
    full = padded(array.shape, len(shape))
    if any(size != 1 for i, size in enumerate(full) if i != axis):
        return None
    if full[axis] not in (1, shape[axis]):
        return None
    return np.broadcast_to(array.reshape(-1), (shape[axis],))


def groups(source: Sequence[int], target: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Split two shapes of one size into the smallest runs of dimensions with equal products.

    A reshape from `source` to `target` keeps the elements of each run together.
    """
    i = j = 0
    while i < len(source) or j < len(target):
        start_i, start_j = i, j
        left = right = 1
        while True:
            if left <= right and i < len(source):
                left *= source[i]
                i += 1
            elif j < len(target):
                right *= target[j]
                j += 1
            else:
                left *= source[i]
                i += 1
            if left == right and (left != 1 or (i == len(source) and j == len(target))):
                break
        yield slice(start_i, i), slice(start_j, j)


def broadcast_before_reshape(
    small: Sequence[int], source: Sequence[int], target: Sequence[int]
) -> Shape | None:
    """The shape in which a tensor broadcasts to `source` as `small` does to `target`.

    `source` and `target` are the shapes before and after a reshape.

    Returns:
        None when there is none: `small` varies along a part of what the reshape merges.
    """
    if len(small) > len(target) or math.prod(source) == 0:
        return None
    small = padded(small, len(target))
    result: list[int] = []
    for before, after in groups(source, target):
        dims = tuple(small[after])
        if math.prod(dims) == 1:
            result += [1] * len(source[before])
        elif dims == tuple(target[after]):
            result += source[before]
        else:
            return None
    return tuple(result)
