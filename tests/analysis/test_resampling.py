"""Resizes in parts: where the parts have the steps of the whole, and only there."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.analysis.axis_maps import AxisMap, ResizeMap, Span
from graphopt.analysis.resampling import resize_map, resized_part
from graphopt.ops import Resize
from graphopt.ops.resize import Coordinates, Nearest, ResizeMode

COORDINATES = [c for c in get_args(Coordinates) if c != "tf_crop_and_resize"]
SCALES = [0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.5, 1.6, 2.0, 2.5, 3.0, 4.0]


@st.composite
def resizes(draw: st.DrawFn) -> tuple[Resize, int]:
    """A resize of one axis, and the size of that axis before."""
    size, scale = draw(st.integers(1, 12)), draw(st.sampled_from(SCALES))
    count = max(1, int(size * scale))
    scale = draw(st.sampled_from([scale, count / size]))
    mode = draw(st.sampled_from(get_args(ResizeMode)))
    antialias = mode != "nearest" and draw(st.booleans())
    op = Resize(
        (count,),
        (scale,),
        mode,
        coordinates=draw(st.sampled_from(COORDINATES)),
        nearest=draw(st.sampled_from(get_args(Nearest))),
        exclude_outside=draw(st.booleans()),
        antialias=antialias,
    )
    return op, size


# Where all taps lie outside and are excluded, no weight is left.
@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=400, deadline=None)
@given(resizes(), st.data())
def test_a_part_is_resized_as_in_the_whole(drawn: tuple[Resize, int], data: st.DataObject) -> None:
    op, size = drawn
    axis = resize_map(op, 0, size, exact=False)
    if axis is None:
        return
    x = np.random.default_rng(0).normal(size=size)
    (whole,) = op.evaluate(x)
    lo = data.draw(st.integers(0, len(whole) - 1))
    span = Span(lo, data.draw(st.integers(lo + 1, len(whole))))
    covered, read = axis.cover(span), axis.pull(span)
    (part,) = resized_part(op, (covered.size,)).evaluate(x[read.lo : read.hi])
    assert covered.hi == span.hi and covered.lo <= span.lo
    np.testing.assert_allclose(part[span.lo - covered.lo :], whole[lo : span.hi], atol=1e-9)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "pytorch_half_pixel"])
@pytest.mark.parametrize("scale", [2.0, 4.0, 0.5])
def test_the_usual_resizes_have_parts(
    mode: ResizeMode, coordinates: Coordinates, scale: float
) -> None:
    op = Resize((int(8 * scale),), (scale,), mode, coordinates)
    assert isinstance(resize_map(op, 0, 8, exact=True), ResizeMap)


def test_doubling_reads_half_as_much() -> None:
    axis = resize_map(Resize((16,), (2.0,), "nearest", "asymmetric", "floor"), 0, 8, exact=True)
    assert axis is not None
    assert (axis.pull(Span(4, 8)), axis.cover(Span(4, 8))) == (Span(2, 4), Span(4, 8))
    assert (axis.pull(Span(5, 6)), axis.cover(Span(5, 6))) == (Span(2, 3), Span(4, 6))


def test_linear_doubling_needs_a_neighbour_on_each_side() -> None:
    axis = resize_map(Resize((16,), (2.0,), "linear"), 0, 8, exact=True)
    assert axis is not None
    assert (axis.pull(Span(4, 8)), axis.cover(Span(4, 8))) == (Span(1, 5), Span(2, 8))
    assert (axis.pull(Span(0, 2)), axis.cover(Span(0, 2))) == (Span(0, 2), Span(0, 2))


def test_an_axis_that_keeps_its_size_is_the_identity() -> None:
    assert resize_map(Resize((5,), (1.0,), "linear"), 0, 5, exact=True) == AxisMap.identity(5)


@pytest.mark.parametrize(
    "op",
    [
        Resize((16,), (2.0,), "linear", "align_corners"),
        Resize((16,), (2.0,), coordinates="tf_crop_and_resize", roi=(0.0, 1.0)),
    ],
)
def test_steps_that_depend_on_the_size_have_no_parts(op: Resize) -> None:
    assert resize_map(op, 0, 8, exact=True) is None
