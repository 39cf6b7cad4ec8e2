"""Patched regions as steps: the addresses, copies, cursors and loops give what the body means."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.interpreter import run_body
from graphopt.ir import Graph, Node, Value
from graphopt.lower.lowering import lower_program
from graphopt.ops import Patched
from graphopt.targets import load_target
from graphopt.testing import random_array, random_inputs

from ...patching.regions import patched
from ..simulate import AnySchedule, simulate


def alone(op: Patched, seed: int = 0) -> Graph:
    """A graph of one region, whose arrays of weights are constants."""
    rng = np.random.default_rng(seed)
    inner = op.body.inputs
    values = tuple(Value(v.name, v.type) for v in inner)
    outputs = tuple(Value(f"out{i}", v.type) for i, v in enumerate(op.body.outputs))
    constants = {
        value: np.asarray(random_array(value.type, rng))
        for value in values
        if value.name.startswith("c")
    }
    inputs = tuple(value for value in values if value not in constants)
    return Graph("g", inputs, (Node(op, values, outputs),), outputs, constants)


@settings(max_examples=60, deadline=None)
@given(patched(), st.sampled_from([None, -1000, -64, 0, 16]), st.sampled_from([0, 20]))
def test_steps_give_the_bits_of_the_body(op: Patched, overlap: int | None, scratch: int) -> None:
    graph = alone(op)
    schedule = AnySchedule(scratch, overlap)
    program = lower_program(graph, load_target("cortex-m7"), [schedule])
    inputs = random_inputs(graph)
    (node,) = graph.nodes
    arrays = [inputs[v.name] if v in graph.inputs else graph.constants[v] for v in node.inputs]
    found = simulate(program, inputs)
    for name, expected in zip(graph.output_names, run_body(op.body, *arrays), strict=True):
        np.testing.assert_array_equal(found[name], expected)
