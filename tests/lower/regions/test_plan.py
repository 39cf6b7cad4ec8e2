"""Patched regions as steps: the addresses, copies, cursors and loops give what the body means."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.lower.lowering import lower_program
from graphopt.targets import load_target
from graphopt.testing import random_inputs
from tests.lower.simulate import AnySchedule, simulate
from tests.patching.regions import patched


@settings(max_examples=60, deadline=None)
@given(patched(), st.sampled_from([None, -1000, -64, 0, 16]), st.sampled_from([0, 20]))
def test_steps_give_the_bits_of_the_body(graph: Graph, overlap: int | None, scratch: int) -> None:
    schedule = AnySchedule(scratch, overlap)
    program = lower_program(graph, load_target("cortex-m7"), [schedule])
    inputs = random_inputs(graph)
    found = simulate(program, inputs)
    for name, expected in evaluate(graph, inputs).items():
        np.testing.assert_array_equal(found[name], expected)
