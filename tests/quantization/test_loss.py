"""Distances between outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from graphopt.errors import InputError
from graphopt.ir import Array
from graphopt.quantization.evaluate import Outputs
from graphopt.quantization.loss import MetricLoss, OutputLoss
from graphopt.text import parse_graph

RELU = "graph g(%x: f32[1,3]) { %0: f32[1,3] = relu(%x) return %0 }"
SOFTMAX = """
graph g(%x: f32[1,3]) {
  %0: f32[1,3] = softmax(%x) {axis = 1}
  %1: f32[3] = reshape(%0) {shape = (3,)}
  return %1
}"""
MASK = "graph g(%x: f32[4]) { %0: bool[4] = is_nan(%x) return %0 }"


def f32(*numbers: float) -> Array:
    return np.array([numbers], np.float32)


def test_error_by_mean_energy() -> None:
    loss = OutputLoss(parse_graph(RELU), [(f32(3, 4, 0),), (f32(0, 0, 5),)])
    assert loss([(f32(3, 4, 0),), (f32(0, 0, 5),)]) == 0
    assert loss([(f32(3, 4, 1),), (f32(2, 0, 5),)]) == pytest.approx((1 + 4) / 2 / 25)


def test_error_of_outputs_that_are_zero() -> None:
    loss = OutputLoss(parse_graph(RELU), [(f32(0, 0, 0),)])
    assert loss([(f32(0, 2, 0),)]) == 4


def test_divergence_of_probabilities() -> None:
    loss = OutputLoss(parse_graph(SOFTMAX), [(f32(0.5, 0.5, 0)[0],)])
    assert loss([(f32(0.5, 0.5, 0)[0],)]) == pytest.approx(0, abs=1e-8)
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert loss([(f32(0.25, 0.75, 0)[0],)]) == pytest.approx(expected, rel=1e-6)
    assert math.isfinite(loss([(f32(0, 0, 1)[0],)]))


def test_share_of_unequal_elements() -> None:
    loss = OutputLoss(parse_graph(MASK), [(np.array([True, False, False, True]),)])
    assert loss([(np.array([True, True, False, True]),)]) == 0.25


def test_number_of_samples() -> None:
    loss = OutputLoss(parse_graph(RELU), [(f32(3, 4, 0),)])
    with pytest.raises(InputError, match="outputs: expected 1 samples, found 2"):
        loss([(f32(3, 4, 0),), (f32(3, 4, 0),)])


def accuracy(outputs: Sequence[Outputs], labels: Sequence[int]) -> float:
    hits = [int(y.argmax()) == label for (y,), label in zip(outputs, labels, strict=True)]
    return sum(hits) / len(hits)


def test_lost_metric() -> None:
    graph = parse_graph(RELU)
    reference = [(f32(1, 0, 0),), (f32(0, 1, 0),)]
    loss = MetricLoss(accuracy, [0, 1], graph, reference)
    assert loss(reference) == 0
    nearly = loss([(f32(0.9, 0, 0),), (f32(0, 1, 0),)])
    worse = loss([(f32(0, 0.9, 0),), (f32(0, 1, 0),)])
    assert 0 < nearly < 0.001
    assert 0.5 < worse < 0.51
    gained = MetricLoss(accuracy, [1, 1], graph, reference)
    assert gained([(f32(0, 1, 0),), (f32(0, 1, 0),)]) < 0.01
    with pytest.raises(InputError, match="labels: expected 2, found 1"):
        MetricLoss(accuracy, [0], graph, reference)
