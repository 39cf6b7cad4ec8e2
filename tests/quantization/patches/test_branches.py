"""Branches mean what the network means."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.interpreter import evaluate
from graphopt.quantization.patches.branches import split_head
from graphopt.quantization.patches.head import Grid, find_head
from graphopt.verify import verify

from .networks import images, network


@pytest.mark.parametrize("grid", ["1x1", "2x2", "3x2@6", "8x8@5", "1x3@1"])
def test_branches_compute_what_the_network_computes(grid: str) -> None:
    graph = network()
    branches = split_head(graph, find_head(graph, Grid.parse(grid)))
    verify(branches.graph)
    (image, *_) = images(1)
    whole, patched = evaluate(graph, image), evaluate(branches.graph, image)
    np.testing.assert_allclose(patched["y"], whole["y"], rtol=1e-5, atol=1e-5)


def test_every_layer_of_a_branch_knows_its_origin() -> None:
    graph = network()
    branches = split_head(graph, find_head(graph, Grid(2, 2, "1")))
    assert list(branches.layers.values()) == [
        ("0", 0), ("0", 1), ("0", 2), ("0", 3), ("2", None), ("4", None), ("6", None), ("8", None)
    ]  # fmt: skip


def test_branches_share_weights() -> None:
    graph = network()
    branches = split_head(graph, find_head(graph, Grid(3, 3)))
    assert len(branches.graph.constants) == len(graph.constants)
