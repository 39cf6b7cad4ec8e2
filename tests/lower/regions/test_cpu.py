"""Patched regions on a CPU: the bytes of the interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings

from graphopt.api import Compilation
from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.ops import Patched
from graphopt.testing import random_inputs
from tests.patching.regions import patched


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
@given(patched(4))
def test_random_regions(graph: Graph) -> None:
    (node,) = graph.nodes
    assert isinstance(node.op, Patched)
    held = replace(node.op, streamed_inputs=(), streamed_outputs=())
    whole = graph.with_nodes([replace(node, op=held)])
    inputs = random_inputs(whole)
    compilation = Compilation("cpu")
    found = compilation.model(compilation.lowered(whole)).run(inputs)
    for name, expected in evaluate(whole, inputs).items():
        np.testing.assert_array_equal(found[name], expected)
