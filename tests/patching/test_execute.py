"""Running a region in tiles is running its body."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.ops import Patched
from graphopt.patching.execute import execute
from graphopt.testing import random_inputs

from .regions import patched


@settings(max_examples=500, deadline=None)
@given(patched())
def test_tiles_give_the_bits_of_the_whole(graph: Graph) -> None:
    (node,) = graph.nodes
    assert isinstance(node.op, Patched)
    inputs = random_inputs(graph)
    arrays = [inputs[v.name] if v in graph.inputs else graph.constants[v] for v in node.inputs]
    expected = evaluate(graph, inputs)
    for name, found in zip(graph.output_names, execute(node.op, *arrays), strict=True):
        np.testing.assert_array_equal(found, expected[name])
