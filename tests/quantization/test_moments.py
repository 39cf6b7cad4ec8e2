"""Moments of what layers read, against the products themselves."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.quantization import moments as module
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.moments import (
    Moments,
    columns,
    has_moments,
    layer_layout,
    layer_moments,
    moment_bytes,
    product_weights,
)
from graphopt.text import parse_graph

TEXTS = {
    "strided": """
graph g(%x: f32[2,3,7,7]) {
  %w: f32[4,3,3,3] = constant(#0)
  %y: f32[2,4,4,4] = conv(%x, %w) {strides = (2, 2), pads = (1, 1, 1, 1), dilations = (1, 1)}
  return %y as y
}""",
    "grouped": """
graph g(%x: f32[1,6,5,5]) {
  %w: f32[4,3,2,2] = constant(#0)
  %y: f32[1,4,3,3] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (2, 2), groups = 2}
  return %y as y
}""",  # noqa: E501
    "depthwise": """
graph g(%x: f32[1,6,7,7]) {
  %w: f32[6,1,3,3] = constant(#0)
  %y: f32[1,6,7,7] = conv(%x, %w) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), groups = 6}
  return %y as y
}""",  # noqa: E501
    "matmul": """
graph g(%x: f32[2,5,8]) {
  %w: f32[8,3] = constant(#0)
  %y: f32[2,5,3] = matmul(%x, %w)
  return %y as y
}""",
    "transposed": """
graph g(%x: f32[5,8]) {
  %w: f32[3,8] = constant(#0)
  %y: f32[5,3] = matmul(%x, %w) {transpose_b = True}
  return %y as y
}""",
}


SHAPES = {
    "strided": (4, 3, 3, 3),
    "grouped": (4, 3, 2, 2),
    "depthwise": (6, 1, 3, 3),
    "matmul": (8, 3),
    "transposed": (3, 8),
}


def one_layer(name: str) -> tuple[Graph, Layer, Array]:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(SHAPES[name]).astype(np.float32)
    graph = parse_graph(TEXTS[name], {"0": weights})
    (layer,) = find_layers(graph).values()
    return graph, layer, weights


@pytest.mark.parametrize("name", TEXTS)
def test_products_of_columns_and_weights_are_the_layer_s(name: str) -> None:
    graph, layer, weights = one_layer(name)
    x = np.random.default_rng(1).standard_normal(graph.inputs[0].type.dims).astype(np.float32)
    y = evaluate(graph, {"x": x})["y"]
    # There are fewer positions than would be drawn: each comes once, in any order.
    found = columns(layer, x, np.random.default_rng(2))
    products = np.einsum("gip,gic->gcp", found, product_weights(layer, weights))
    of_channels = products.reshape(layer.channels, -1)
    channels = y.ndim - 1 if name in ("matmul", "transposed") else 1
    expected = np.moveaxis(y, channels, 0).reshape(layer.channels, -1)
    assert of_channels.shape == expected.shape
    # Positions are drawn once for all channels, so sorting by one sorts all of them.
    np.testing.assert_allclose(
        of_channels[:, of_channels[0].argsort()], expected[:, expected[0].argsort()], atol=1e-4
    )


@pytest.mark.parametrize("name", TEXTS)
def test_layouts_are_inverse(name: str) -> None:
    _, layer, weights = one_layer(name)
    np.testing.assert_array_equal(layer_layout(layer, product_weights(layer, weights)), weights)


def test_positions_are_limited() -> None:
    text = TEXTS["depthwise"].replace("7,7", "70,70")
    weights = np.ones((6, 1, 3, 3), np.float32)
    (layer,) = find_layers(parse_graph(text, {"0": weights})).values()
    x = np.zeros((1, 6, 70, 70), np.float32)
    assert columns(layer, x, np.random.default_rng(0)).shape == (6, 9, module.FEWEST)


def test_moments_of_pieces_are_those_of_all() -> None:
    rng = np.random.default_rng(0)
    # Deviations that are lost where squares of f32 numbers are subtracted.
    columns_ = (1000 + 0.01 * rng.standard_normal((2, 4, 300))).astype(np.float32)
    moments = Moments()
    for piece in np.split(columns_, [10, 150], axis=2):
        moments.add(piece)
    assert moments.count == 300
    exact = columns_.astype(np.float64)
    np.testing.assert_allclose(moments.mean, exact.mean(axis=2), rtol=1e-6)
    for group, found in zip(exact, moments.covariance, strict=True):
        np.testing.assert_allclose(found, np.cov(group, bias=True), atol=1e-6)


def test_moments_of_layers_are_of_the_float_network_s_activations() -> None:
    text = """
graph g(%x: f32[4,8]) {
  %v: f32[8,8] = constant(#0)
  %w: f32[8,3] = constant(#1)
  %0: f32[4,8] = matmul(%x, %v)
  %1: f32[4,8] = relu(%0)
  %2: f32[4,3] = matmul(%1, %w)
  return %2 as y
}"""
    rng = np.random.default_rng(0)
    v = rng.standard_normal((8, 8)).astype(np.float32)
    graph = parse_graph(text, {"0": v, "1": rng.standard_normal((8, 3)).astype(np.float32)})
    samples = [{"x": rng.standard_normal((4, 8)).astype(np.float32)} for _ in range(6)]
    found = layer_moments(graph, list(find_layers(graph).values()), samples)
    x = np.concatenate([sample["x"] for sample in samples])
    for moments, read in zip(found.values(), (x, np.maximum(x @ v, 0)), strict=True):
        assert moments.count == 24
        np.testing.assert_allclose(moments.mean[0], read.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(
            moments.covariance[0], np.cov(read.T, bias=True), rtol=1e-3, atol=1e-4
        )


def test_layers_without_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
graph g(%x: f32[2,4,8]) {
  %v: f32[2,8,8] = constant(#0)
  %w: f32[8,8] = constant(#1)
  %0: f32[2,4,8] = matmul(%x, %v)
  %1: f32[2,4,8] = matmul(%0, %w)
  return %1 as y
}"""
    arrays = {"0": np.ones((2, 8, 8), np.float32), "1": np.ones((8, 8), np.float32)}
    several, one = find_layers(parse_graph(text, arrays)).values()
    assert not has_moments(several)
    assert has_moments(one)
    assert moment_bytes(one) == 4 * 8 * 8
    monkeypatch.setattr(module, "LAYER_BYTES", 255)
    assert not has_moments(one)
