"""Learned integers of whole layers, in the quantized network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import graphopt
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph
from graphopt.quantization import learned as module
from graphopt.quantization.layers import find_layers
from graphopt.quantization.learned import Learner, damped
from graphopt.quantization.moments import Moments, layer_moments
from graphopt.quantization.result import Quantized
from graphopt.quantization.weights import RoundingMethod
from graphopt.text import parse_graph

from . import networks

TEXT = """
graph g(%x: f32[1,4,12,12]) {
  %w0: f32[8,4,3,3] = constant(#0)
  %b: f32[8] = constant(#1)
  %w1: f32[8,1,3,3] = constant(#2)
  %w2: f32[8,5] = constant(#3)
  %c: f32[5] = constant(#4)
  %0: f32[1,8,12,12] = conv(%x, %w0, %b) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}
  %1: f32[1,8,12,12] = relu(%0)
  %2: f32[1,8,10,10] = conv(%1, %w1) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1), groups = 8}
  %3: f32[1,8] = reduce(%2) {kind = 'mean', axes = (2, 3)}
  %4: f32[1,5] = matmul(%3, %w2)
  %5: f32[1,5] = add(%4, %c)
  return %5 as y
}"""  # noqa: E501
SHAPES = ((8, 4, 3, 3), (8,), (8, 1, 3, 3), (8, 5), (5,))
Samples = list[dict[str, Array]]


def network(seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    arrays = {str(i): rng.standard_normal(s).astype(np.float32) for i, s in enumerate(SHAPES)}
    return parse_graph(TEXT, arrays)


def smooth_samples(count: int, seed: int = 1) -> Samples:
    """Images whose pixels are near their neighbours, and not around 0."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((count, 1, 4, 3, 3)).repeat(4, axis=3).repeat(4, axis=4)
    images = coarse + 0.1 * rng.standard_normal(coarse.shape[:3] + (12, 12)) + 0.5
    return [{"x": image.astype(np.float32)} for image in images]


def output_error(quantized: Quantized, samples: Samples) -> float:
    off = [
        evaluate(quantized.graph, sample)["y"] - evaluate(quantized.float_graph, sample)["y"]
        for sample in samples
    ]
    return float(np.mean(np.square(off)))


@pytest.mark.parametrize("bits", [4, 2])
def test_learned_rounding_errs_less_on_samples_not_seen(bits: int) -> None:
    ratios = []
    for seed in range(3):
        errors: dict[RoundingMethod, float] = {}
        for rounding in ("nearest", "learned"):
            result = graphopt.quantize(
                network(seed), smooth_samples(12), weights=bits, rounding=rounding
            )
            errors[rounding] = output_error(result, smooth_samples(6, seed=2))
        ratios.append(errors["learned"] / errors["nearest"])
    assert np.mean(ratios) < 0.5


def test_integers_in_the_layers_shapes() -> None:
    graph = network()
    learner = Learner(graph, smooth_samples(4))
    for layer in find_layers(graph).values():
        found = learner.weights(layer, DType.I4)
        assert found is not None
        assert found.stored.shape == layer.weights.type.shape
        assert found.stored.dtype == DType.I4.numpy
        assert found.scales.shape == (layer.channels,)


def test_layers_without_a_corrected_bias_keep_their_mean() -> None:
    graph = network()
    first = next(iter(find_layers(graph).values()))
    weights, samples = graph.constants[first.weights], smooth_samples(8)
    mean = layer_moments(graph, [first], samples)[first.name].mean[0]
    errors = {}
    for corrected in ((), (first.name,)):
        found = Learner(graph, samples, corrected).weights(first, DType.I2)
        assert found is not None
        errors[corrected] = np.mean(np.square((found.real - weights).reshape(8, -1) @ mean))
    assert errors[()] < 0.5 * errors[first.name,]


def test_what_keeps_the_nearest_integers() -> None:
    graph, layers = networks.network()
    samples = [{"x": np.ones((1, 8, 6, 6), np.float32)}]
    learner = Learner(graph, samples)
    first, second, third, fourth = layers.values()
    assert learner.weights(first, DType.I4) is None  # both convolutions have the same weights
    assert learner.weights(second, DType.I4) is None
    assert learner.weights(third, DType.I8) is None
    assert learner.weights(fourth, DType.I4) is not None


def test_samples_are_read_once_per_part(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted:
        passes = 0

        def __iter__(self) -> Iterator[dict[str, Array]]:
            self.passes += 1
            return iter(smooth_samples(2))

    graph = network()
    for held, passes in ((1 << 20, 1), (1, 3)):
        monkeypatch.setattr(module, "HELD_BYTES", held)
        samples = Counted()
        learner = Learner(graph, samples)
        assert samples.passes == 0
        for layer in find_layers(graph).values():
            for dtype in (DType.I4, DType.I2, DType.I4):
                learner.weights(layer, dtype)
        assert samples.passes == passes


def test_inputs_that_never_change_or_are_always_zero() -> None:
    samples = [{"x": np.zeros((1, 4, 12, 12), np.float32)} for _ in range(3)]
    learned = graphopt.quantize(network(), samples, weights=4)
    nearest = graphopt.quantize(network(), samples, weights=4, rounding="nearest")
    assert output_error(learned, samples) < 0.5 * output_error(nearest, samples)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_damped_moments_are_positive_definite(value: float) -> None:
    moments = Moments()
    moments.add(np.full((1, 5, 7), value, np.float32))
    np.linalg.cholesky(damped(moments, central=True))
    found = np.linalg.eigvalsh(damped(moments, central=False)[0])
    assert found[0] == pytest.approx(module.DAMPING * value**2, rel=1e-3)
