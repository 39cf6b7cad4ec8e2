"""What 8 bits are too coarse for is found, and gets 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

import graphopt
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.quantization.result import Quantized
from graphopt.text import parse_graph

RNG = np.random.default_rng(0)
CONV = "{strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)%s}"
SAMPLES = [RNG.standard_normal((1, 3, 8, 8)).astype(np.float32) for _ in range(6)]


def weights(*shape: int) -> Array:
    array = RNG.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    narrow: Array = array.astype(np.float32)
    return narrow


def network(act: str, spread: float) -> Graph:
    """Between two convolutions one channel is `spread` times as large as the others."""
    first, last = weights(8, 3, 3, 3), weights(8, 1, 3, 3)
    first[0] *= spread
    last[0] /= spread
    return parse_graph(
        f"""graph g(%x: f32[1,3,8,8]) {{
      %w: f32[8,3,3,3] = constant(#0)
      %u: f32[8,1,3,3] = constant(#1)
      %a: f32[1,8,8,8] = conv(%x, %w) {CONV % ""} @ ["first"]
      %r: f32[1,8,8,8] = {act}
      %c: f32[1,8,8,8] = conv(%r, %u) {CONV % ", groups = 8"} @ ["last"]
      return %c as y
    }}""",
        {"0": first, "1": last},
    )


def decibels(result: Quantized) -> float:
    found = np.array([evaluate(result.graph, {"x": x})["y"] for x in SAMPLES])
    expected = np.array([evaluate(result.float_graph, {"x": x})["y"] for x in SAMPLES])
    return float(10 * np.log10(np.mean(expected**2) / np.mean((found - expected) ** 2)))


def quantize(graph: Graph, floor: float | None) -> Quantized:
    return graphopt.quantize(graph, SAMPLES, floor=floor, equalize=False)


@pytest.mark.parametrize("act", ["relu(%a)", "silu(%a)"])
def test_even_channels_need_no_more_than_8_bits(act: str) -> None:
    assert set(quantize(network(act, 1.0), 25.0).plan.formats.values()) == {"w8a8"}


def test_an_activation_that_a_layer_reads_gets_16_bits() -> None:
    graph = network("relu(%a)", 1000.0)
    assert decibels(quantize(graph, None)) < 15
    result = quantize(graph, 25.0)
    assert result.plan.formats == {"first": "w8a8", "last": "w8a16"}
    assert [str(q.dtype) for q in result.plan.activations["r"]] == ["i16", "i8"]
    assert decibels(result) > 25
    model = result.compile()
    expected = evaluate(result.graph, {"x": SAMPLES[0]})["y"]
    np.testing.assert_allclose(model(SAMPLES[0]), expected, atol=0.02)


def test_an_activation_that_a_function_reads_stays_float() -> None:
    result = quantize(network("silu(%a)", 1000.0), 25.0)
    assert result.plan.float_activations == ("a",)
    assert decibels(result) > 25


def test_progress_tells() -> None:
    lines: list[str] = []
    graphopt.quantize(network("relu(%a)", 1000.0), SAMPLES, equalize=False, progress=lines.append)
    assert any(line.startswith("8 bits are too coarse for r: alone they leave ") for line in lines)


def test_a_layer_whose_weights_are_coarse_gets_16_bits() -> None:
    # The mean of the input is large and the weights of a channel cancel it.
    weights = np.full((2, 4, 1, 1), 100.0, np.float32)
    weights[:, ::2] *= -1
    weights += RNG.standard_normal(weights.shape).astype(np.float32) * 0.3
    graph = parse_graph(
        """graph g(%x: f32[1,4,8,8]) {
      %w: f32[2,4,1,1] = constant(#0)
      %y: f32[1,2,8,8] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)} @ ["only"]
      return %y
    }""",  # noqa: E501
        {"0": weights},
    )
    shared = RNG.standard_normal((6, 1, 1, 8, 8)).astype(np.float32)
    samples = list(np.broadcast_to(shared, (6, 1, 4, 8, 8)).copy())
    result = graphopt.quantize(graph, samples)
    assert result.plan.formats == {"only": "w16a8"}
