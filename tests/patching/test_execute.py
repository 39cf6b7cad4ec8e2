"""Running a region in tiles is running its body."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from graphopt.interpreter import run_body
from graphopt.ops import Patched
from graphopt.patching.execute import execute
from graphopt.testing import random_inputs

from .regions import patched


@settings(max_examples=500, deadline=None)
@given(patched())
def test_tiles_give_the_bits_of_the_whole(op: Patched) -> None:
    inputs = list(random_inputs(op.body).values())
    for found, expected in zip(execute(op, *inputs), run_body(op.body, *inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
