"""Corrected biases undo the mean error of rounded weights."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.interpreter import run_body
from graphopt.ir import Array
from graphopt.quantization.bias import corrected_bias
from graphopt.quantization.layers import find_layers
from graphopt.text import parse_graph

RNG = np.random.default_rng(0)
CASES = {
    "conv": ("1,4,6,6", "8,2,3,3", "1,8,6,6", "conv(%x, %w, %b) {strides = (1, 1), "
             "pads = (1, 1, 1, 1), dilations = (1, 1), groups = 2}"),
    "conv_transpose": ("1,4,3,3", "4,3,2,2", "1,6,6,6", "conv_transpose(%x, %w, %b) "
                       "{strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1), "
                       "output_padding = (0, 0), groups = 2}"),
    "matmul": ("5,4", "4,3", "5,3", "matmul(%x, %w)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_mean_output_is_that_of_the_float_layer(kind: str) -> None:
    x, w, y, operator = CASES[kind]
    channels = int(y.split(",")[1])
    last = "  %s: f32[5,3] = add(%y, %b)\n  return %s" if kind == "matmul" else "  return %y"
    weights = RNG.standard_normal(tuple(map(int, w.split(",")))).astype(np.float32)
    graph = parse_graph(
        f"graph g(%x: f32[{x}]) {{\n  %w: f32[{w}] = constant(#0)\n"
        f"  %b: f32[{channels}] = constant(#1)\n  %y: f32[{y}] = {operator}\n{last}\n}}",
        {"0": weights, "1": RNG.standard_normal(channels).astype(np.float32)},
    )
    (layer,) = find_layers(graph).values()
    assert layer.bias is not None
    samples = RNG.standard_normal((20, *graph.inputs[0].type.dims)).astype(np.float32) + 1
    rounded = np.round(weights).astype(np.float32)
    bias = corrected_bias(graph, layer, samples.mean(axis=0), rounded)

    def mean(constants: dict[str, Array]) -> Array:
        changed = {v: constants.get(v.name, a) for v, a in graph.constants.items()}
        other = type(graph)(graph.name, graph.inputs, graph.nodes, graph.outputs, changed)
        outputs = np.array([run_body(other, sample)[0] for sample in samples])
        axes = tuple(
            i for i in range(outputs.ndim) if i != (outputs.ndim - 1 if kind == "matmul" else 2)
        )
        average: Array = outputs.mean(axis=axes)
        return average

    expected = mean({})
    np.testing.assert_allclose(mean({"w": rounded, "b": bias}), expected, atol=1e-4)
    assert np.abs(mean({"w": rounded}) - expected).max() > 0.1
