"""What runs of regions compute, and how often."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Graph
from graphopt.ops import Concat, Conv, Patched
from graphopt.patching.firings import fire

from .regions import GraphBuilder


def test_operands_that_one_kernel_joins_share_what_is_computed_again() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    same = Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC")
    first = build.conv(build.input(1, 8, 8, 4), 4, (3, 3), same)
    second = build.conv(first, 4, (3, 3), same)
    graph = build.graph(build.kernel([(Concat(3), ())], second, first))
    body = Graph("region", (*graph.inputs, *graph.constants), graph.nodes, graph.outputs)
    nodes = len(body.nodes)
    op = Patched(body, (4, 4), (8,) * nodes, (False,) * nodes)
    # Each of four tiles of 4 x 4 needs 5 x 5 of the first map.
    assert fire(op).macs == 4 * (25 + 16) * 9 * 4 * 4
