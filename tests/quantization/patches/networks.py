"""A small network with a head that can run in patches."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array, Graph
from graphopt.text import parse_graph

# A residual block between a strided and a pointwise convolution, then what sees the whole map.
TEXT = """
graph g(%image: f32[1,3,16,16]) {
  %w0: f32[8,3,3,3] = constant(#0)
  %b0: f32[8] = constant(#1)
  %w1: f32[8,1,3,3] = constant(#2)
  %b1: f32[8] = constant(#3)
  %w2: f32[8,8,1,1] = constant(#4)
  %b2: f32[8] = constant(#5)
  %w3: f32[4,8,1,1] = constant(#6)
  %b3: f32[4] = constant(#7)
  %m: f32[4,5] = constant(#8)
  %0: f32[1,8,8,8] = conv(%image, %w0, %b0) {strides = (2, 2), pads = (0, 0, 1, 1), dilations = (1, 1)}
  %1: f32[1,8,8,8] = relu(%0)
  %2: f32[1,8,8,8] = conv(%1, %w1, %b1) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), groups = 8}
  %3: f32[1,8,8,8] = relu(%2)
  %4: f32[1,8,8,8] = conv(%3, %w2, %b2) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
  %5: f32[1,8,8,8] = add(%1, %4)
  %6: f32[1,4,8,8] = conv(%5, %w3, %b3) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
  %7: f32[1,4] = reduce(%6) {kind = 'mean', axes = (2, 3)}
  %8: f32[1,5] = matmul(%7, %m)
  return %8 as y
}"""  # noqa: E501
SHAPES = ((8, 3, 3, 3), (8,), (8, 1, 3, 3), (8,), (8, 8, 1, 1), (8,), (4, 8, 1, 1), (4,), (4, 5))


def network() -> Graph:
    rng = np.random.default_rng(0)
    arrays = {
        str(i): rng.standard_normal(shape).astype(np.float32) for i, shape in enumerate(SHAPES)
    }
    return parse_graph(TEXT, arrays)


def images(count: int = 4) -> list[dict[str, Array]]:
    """Noise, which in the first quarter of each image is a tenth of what it is in the others."""
    rng = np.random.default_rng(1)
    found = rng.standard_normal((count, 1, 3, 16, 16)).astype(np.float32)
    found[..., :8, :8] *= np.float32(0.1)
    return [{"image": image} for image in found]
