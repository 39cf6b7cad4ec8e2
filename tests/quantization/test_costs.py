"""Bytes, bit operations and live activations of formats, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import OptionError
from graphopt.quantization.budget import limits, read_budget
from graphopt.quantization.costs import ELEMENT_BYTES, activation_rows, layer_costs
from graphopt.quantization.formats import parse_format
from graphopt.quantization.groups import find_placement
from graphopt.quantization.layers import find_layers
from graphopt.solver.precision import Limit, Row
from graphopt.text import parse_graph

from .networks import network

# %1 is read by one layer, %2 by a layer and the sum, %4 leaves the network.
RESIDUAL = """
graph g(%x: f32[1,8,4,4]) {
  %w: f32[8,8,1,1] = constant(#0)
  %1: f32[1,8,4,4] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
  %2: f32[1,8,4,4] = conv(%1, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
  %3: f32[1,8,4,4] = conv(%2, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
  %4: f32[1,8,4,4] = add(%3, %2)
  return %4
}"""


def test_layer_costs() -> None:
    layer = network()[1]["0"]
    assert layer.weights.type.elements == 576 and layer.node.macs == 36 * 576
    found = layer_costs(layer, parse_format("w4a8"))
    assert found == {"weight_bytes": 288, "bops": 36 * 576 * 4 * 8}
    assert layer_costs(layer, parse_format("f32"))["weight_bytes"] == 4 * 576


def test_activations_in_memory() -> None:
    graph = parse_graph(RESIDUAL, {"0": np.ones((8, 8, 1, 1), np.float32)})
    layers = find_layers(graph)
    quantized = {value for group in find_placement(graph).groups for value in group.values}
    assert {value.name for value in quantized} >= {"1", "2"}
    rows = activation_rows(graph, layers, {name: f"of {name}" for name in layers}, quantized)
    # The sum runs in the kernel of the third convolution. Its result is no integer.
    assert rows == (
        Row({"of 2": 128}),
        Row({"of 2": 128}, 128),
        Row({}, 128 + 4 * 128),
    )


def test_amounts_of_a_budget() -> None:
    uniform = {"weight_bytes": 2000.0, "bops": 1e9}
    found = read_budget({"weight_bytes": "62%", "bops": 5e8, "formats": 2}, uniform)
    assert found == {"weight_bytes": 1240, "bops": 5e8, "formats": 2}
    rows = (Row({"g": 8.0}, 4.0),)
    assert limits({**found, "activation_bytes": 10.0}, rows) == (
        Limit("weight_bytes", 1240),
        Limit("bops", 5e8),
        Limit("activation_bytes", 10.0, rows, ELEMENT_BYTES),
    )


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"flash": 1}, "expected weight_bytes, bops, latency, activation_bytes, formats, found"),
        ({"bops": "many"}, "budget: bops: expected a number above 0, or a share"),
        ({"bops": "0%"}, "budget: bops: expected a number above 0, or a share"),
        ({"weight_bytes": -1}, "budget: weight_bytes: expected a number above 0"),
        ({"formats": "50%"}, "budget: formats: expected a number above 0"),
    ],
)
def test_budget_that_means_nothing(budget: dict[str, float | str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_budget(budget, {"weight_bytes": 2000.0, "bops": 1e9})
