"""The geometry of windows, and how far outputs may start into their input, by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType, Node
from graphopt.lower.testing import RegionBuilder
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.scalar.window import Window, window_of


def anchor(
    dims: tuple[int, ...],
    weights: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Node:
    build = RegionBuilder()
    x, w = build.input(*dims, dtype=DType.I8), build.constant(*weights, dtype=DType.I8)
    conv = ops.Conv(strides, pads, dilations, layout="NHWC")
    (node,) = build.region(build.apply(conv, x, w)).graph.nodes
    return node


def window(*arguments: tuple[int, ...]) -> Window:
    found = window_of(anchor(*arguments))
    assert isinstance(found, Window)
    return found


def reads(window: Window, image: int, row: int, column: int) -> list[int]:
    """The addresses of all bytes of one window."""
    found: list[int] = []
    for ky, kx in itertools.product(range(window.kernel_y), range(window.kernel_x)):
        y = row * window.stride_y - window.pad_y + ky * window.dilation_y
        x = column * window.stride_x - window.pad_x + kx * window.dilation_x
        if 0 <= y < window.height and 0 <= x < window.width:
            pixel = (image * window.height + y) * window.width + x
            found += range(pixel * window.channels, (pixel + 1) * window.channels)
    return found


def safe(window: Window, start: int, together: int) -> bool:
    """Whether outputs of one byte from `start` on overwrite nothing that is still to be read."""
    lines = itertools.product(range(window.batch), range(window.rows))
    columns = range(window.columns)
    steps = [
        [(image, row, column) for column in columns[first : first + together]]
        for image, row in lines
        for first in range(0, window.columns, together)
    ]
    written = 0
    for i, step in enumerate(steps):
        written += len(step) * window.outputs
        later = itertools.chain.from_iterable(steps[i + 1 :])
        needed = itertools.chain.from_iterable(reads(window, *pixel) for pixel in later)
        if min(needed, default=start + written) < start + written:
            return False
    return True


@pytest.mark.parametrize("together", [1, 2])
@pytest.mark.parametrize(
    "arguments",
    [
        ((1, 5, 4, 3), (2, 3, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        ((1, 5, 5, 2), (9, 2, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        ((2, 5, 6, 3), (3, 3, 2, 3), (2, 2), (0, 1, 1, 0), (1, 1)),
        ((1, 7, 5, 1), (4, 1, 2, 2), (1, 2), (1, 2, 0, 1), (3, 2)),
        ((1, 9, 4), (5, 4, 3), (2,), (1, 1), (1,)),
        ((2, 3, 3, 8), (8, 8, 1, 1), (2, 2), (0, 0, 0, 0), (1, 1)),
    ],
)
def test_the_overlap_is_the_largest_that_is_safe(
    arguments: tuple[tuple[int, ...], ...], together: int
) -> None:
    found = window(*arguments)
    most = found.overlap(1, 1, together)
    assert safe(found, most, together)
    assert not safe(found, most + 1, together)


def test_neighbouring_pixels_of_flat_windows_go_together() -> None:
    point = window((1, 3, 3, 4), (4, 4, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1))
    assert point.flat
    assert point.overlap(1, 1) == 0
    narrow = window((1, 3, 3, 8), (4, 8, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1))
    assert (narrow.overlap(1, 1), narrow.overlap(1, 1, together=2)) == (4, 8)


def test_one_dimension_is_a_row() -> None:
    found = window((2, 9, 4), (5, 4, 3), (2,), (1, 0), (1,))
    assert (found.height, found.width, found.rows, found.columns) == (1, 9, 1, 4)
    assert (found.kernel_y, found.kernel_x, found.pad_x) == (1, 3, 1)


def test_what_has_no_window() -> None:
    assert isinstance(
        window_of(
            anchor((1, 3, 3, 3, 2), (2, 2, 1, 1, 1), (1, 1, 1), (0,) * 6, (1, 1, 1)),
        ),
        Reject,
    )
    build = RegionBuilder()
    a, b = build.input(2, 3, 4, dtype=DType.I8), build.constant(2, 4, 5, dtype=DType.I8)
    (node,) = build.region(build.apply(ops.MatMul(), a, b)).graph.nodes
    assert isinstance(window_of(node), Reject)


def test_rows_of_a_matrix_are_pixels() -> None:
    build = RegionBuilder()
    a = build.given(np.zeros((2, 3, 4), np.int8))
    b = build.given(np.zeros((5, 4), np.int8))
    (node,) = build.region(build.apply(ops.MatMul(transpose_b=True), a, b)).graph.nodes
    found = window_of(node)
    assert isinstance(found, Window)
    assert (found.pixels, found.channels, found.outputs, found.flat) == (6, 4, 5, True)
