"""Cross-layer equalization keeps the function, bit for bit, and evens out the channels."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.passes.equalize_channels import EqualizeChannels
from graphopt.text import parse_graph
from graphopt.verify import verify

RNG = np.random.default_rng(0)
CONV = "{strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)%s}"


def weights(*shape: int) -> Array:
    array: Array = RNG.standard_normal(shape).astype(np.float32)
    return array


def network(act: str, groups: int = 1, again: str = "") -> Graph:
    """Two convolutions; the channels between differ by a factor of a thousand."""
    first, bias = weights(8, 3, 3, 3), weights(8)
    spread = np.logspace(-1.5, 1.5, 8).astype(np.float32)
    first, bias = first * spread.reshape(8, 1, 1, 1), bias * spread
    between = "%a" if act == "" else "%r"
    activation = f"%r: f32[1,8,5,5] = {act}" if act else ""
    return parse_graph(
        f"""graph g(%x: f32[1,3,5,5]) {{
      %w: f32[8,3,3,3] = constant(#0)
      %b: f32[8] = constant(#1)
      %u: f32[8,{8 // groups},3,3] = constant(#2)
      %a: f32[1,8,5,5] = conv(%x, %w, %b) {CONV % ""}
      {activation}
      %c: f32[1,8,5,5] = conv({between}, %u) {CONV % (f", groups = {groups}" if groups > 1 else "")}
      return %c{again}
    }}""",
        {"0": first, "1": bias, "2": weights(8, 8 // groups, 3, 3)},
    )


def spread(graph: Graph) -> float:
    """The largest by the smallest of the channels' largest weights in the first convolution."""
    (first, *_) = (a for v, a in graph.constants.items() if v.name == "w")
    peaks = np.abs(first).reshape(8, -1).max(axis=1)
    return float(peaks.max() / peaks.min())


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("act", ["", "relu(%a)", "leaky_relu(%a) {alpha = 0.25}"])
def test_exact_where_the_activation_is_homogeneous(act: str, groups: int) -> None:
    graph = network(act, groups)
    result = EqualizeChannels().run(graph)
    verify(result)
    assert spread(graph) > 500 > 5 * spread(result)
    x = {"x": weights(1, 3, 5, 5)}
    np.testing.assert_array_equal(evaluate(result, x)["c"], evaluate(graph, x)["c"])
    assert EqualizeChannels().run(result) is result


@pytest.mark.parametrize(
    "act", ["silu(%a)", "clip(%a) {low = 0.0, high = 6.0}", "leaky_relu(%a) {alpha = -0.5}"]
)
def test_other_activations_stay(act: str) -> None:
    graph = network(act)
    assert EqualizeChannels().run(graph) is graph


def test_a_second_reader_stays() -> None:
    for again in (", %a", ", %r"):
        graph = network("relu(%a)", again=again)
        assert EqualizeChannels().run(graph) is graph


def test_channels_of_zeros_stay() -> None:
    graph = network("relu(%a)")
    constants = {v: a.copy() for v, a in graph.constants.items()}
    for value, array in constants.items():
        if value.name == "w":
            array[2] = 0
        if value.name == "u":
            array[:, 5] = 0
    zeros = Graph(graph.name, graph.inputs, graph.nodes, graph.outputs, constants)
    result = EqualizeChannels().run(zeros)
    x = {"x": weights(1, 3, 5, 5)}
    np.testing.assert_array_equal(evaluate(result, x)["c"], evaluate(zeros, x)["c"])
