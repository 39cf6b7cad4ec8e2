"""Global reductions by rows."""

from __future__ import annotations

import numpy as np

from graphopt.interpreter import run_body
from graphopt.ir import DType, Graph
from graphopt.ops import Cast, Conv, Patched, Reduce, Rescale
from graphopt.patching.accumulate import accumulation, split_accumulation
from graphopt.patching.execute import execute
from graphopt.patching.firings import fire
from graphopt.testing import random_inputs

from .regions import SATURATE, GraphBuilder


def pooled(height: int = 9) -> Graph:
    """A convolution and a kernel that averages its map."""
    build = GraphBuilder(np.random.default_rng(0))
    x = build.conv(
        build.input(1, height, 7, 3), 5, (3, 3), Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC")
    )
    scale = np.array((1 << 32) // (height * 7), np.int32), np.array(3, np.int32)
    steps = [(Cast(DType.I32), ()), (Reduce("sum", (1, 2), True), ()), (Rescale(), scale)]
    return build.graph(build.kernel([*steps, *SATURATE], x))


def test_a_kernel_is_cut_behind_its_reduction() -> None:
    graph = pooled()
    inputs = list(random_inputs(graph).values())
    first, rest = split_accumulation(graph.nodes[1])
    assert accumulation(first) is not None and accumulation(graph.nodes[1]) is None
    cut = graph.with_nodes((graph.nodes[0], first, rest))
    np.testing.assert_array_equal(run_body(cut, *inputs)[0], run_body(graph, *inputs)[0])


def test_kernels_without_one_stay_whole() -> None:
    conv = pooled().nodes[0]
    assert split_accumulation(conv) == (conv,)
    assert accumulation(conv) is None


def test_the_map_is_never_whole() -> None:
    graph = pooled()
    first, _ = split_accumulation(graph.nodes[1])
    nodes = (graph.nodes[0], first)
    body = Graph("region", (*graph.inputs, *graph.constants), nodes, (first.output,))
    op = Patched(body, (1, 7), (1, 1), (True, True))
    inputs = list(random_inputs(body).values())
    np.testing.assert_array_equal(execute(op, *inputs)[0], run_body(body, *inputs)[0])
    firings = fire(op)
    assert firings.buffers[graph.nodes[0].output].rows == 1
    assert firings.macs == body.macs
