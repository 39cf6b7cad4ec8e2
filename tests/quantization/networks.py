"""A small network with the difficulties of large ones."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array, Graph
from graphopt.quantization.layers import Layer, find_layers
from graphopt.text import parse_graph

# Both convolutions read one constant; the products read equal arrays; one bias serves twice.
TEXT = """
graph g(%x: f32[1,8,6,6]) {
  %w: f32[8,8,3,3] = constant(#0)
  %m: f32[8,8] = constant(#1)
  %n: f32[8,8] = constant(#2)
  %b: f32[8] = constant(#3)
  %0: f32[1,8,6,6] = conv(%x, %w, %b) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}
  %1: f32[1,8,6,6] = relu(%0)
  %2: f32[1,8,6,6] = conv(%1, %w) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}
  %3: f32[1,8,6,6] = add(%1, %2)
  %4: f32[1,8] = reduce(%3) {kind = 'mean', axes = (2, 3)}
  %5: f32[1,8] = matmul(%4, %m)
  %6: f32[1,8] = matmul(%5, %n)
  %7: f32[1,8] = add(%6, %b)
  return %7 as y
}"""


def arrays() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    m = rng.standard_normal((8, 8)).astype(np.float32)
    return {
        "0": rng.standard_normal((8, 8, 3, 3)).astype(np.float32),
        "3": rng.standard_normal(8).astype(np.float32),
        "1": m,
        "2": m.copy(),
    }


def network() -> tuple[Graph, dict[str, Layer]]:
    graph = parse_graph(TEXT, arrays())
    return graph, find_layers(graph)
