"""Predicted losses against the interpreter and against pencil and paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt import interpreter
from graphopt.errors import OptionError
from graphopt.ir import Array, Graph
from graphopt.quantization.evaluate import Change, Rounding
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.loss import OutputLoss
from graphopt.quantization.sensitivity import (
    Options,
    Trials,
    measured,
    rank_correlation,
    rank_correlations,
    sensitivity,
)
from graphopt.testing import random_inputs
from graphopt.text import parse_graph

from .networks import network

PRODUCT = """
graph g(%x: f32[1,4]) {
  %w: f32[4,3] = constant(#0)
  %0: f32[1,4] = relu(%x)
  %y: f32[1,3] = matmul(%0, %w)
  return %y
}"""
STEPS = {"fine": 0.05, "coarse": 0.5}


def rounded(weights: Array, format: str) -> Array:
    step = np.float32(STEPS[format])
    return np.asarray(np.rint(weights / step) * step)


def trials(graph: Graph, layers: dict[str, Layer], samples: int = 3) -> Trials:
    arrays = {name: graph.constants[layer.weights] for name, layer in layers.items()}
    options = Options(
        {name: (name,) for name in layers},
        dict.fromkeys(layers, ("fine", "coarse")),
        lambda layer, format: Change(rounded(arrays[layer], format)),
    )
    return Trials.compiled(
        graph, layers, options, [random_inputs(graph, seed) for seed in range(samples)]
    )


def product(samples: list[list[float]]) -> tuple[Trials, Array]:
    weights = np.random.default_rng(3).standard_normal((4, 3)).astype(np.float32)
    graph = parse_graph(PRODUCT, {"0": weights})
    found = trials(graph, find_layers(graph))
    return replace(
        found, samples=[{"x": np.array([sample], np.float32)} for sample in samples]
    ), weights


def test_measured_is_what_one_changed_layer_costs() -> None:
    graph, layers = network()
    given = trials(graph, layers)
    found = measured(given)
    assert list(found) == [(name, format) for name in layers for format in STEPS]
    floats = [(interpreter.evaluate(graph, sample)["y"],) for sample in given.samples]
    for (name, format), loss in found.items():
        node = layers[name].node
        own = replace(node.inputs[1], name="own")
        changed = replace(node, inputs=(node.inputs[0], own, *node.inputs[2:]))
        constants = {**graph.constants, own: rounded(graph.constants[node.inputs[1]], format)}
        other = replace(
            graph,
            nodes=tuple(changed if each is node else each for each in graph.nodes),
            constants=constants,
        )
        outputs = [(interpreter.evaluate(other, sample)["y"],) for sample in given.samples]
        assert loss == pytest.approx(OutputLoss(graph, floats)(outputs), rel=1e-3)


def test_groups_change_together() -> None:
    graph, layers = network()
    given = trials(graph, layers)
    options = replace(
        given.options,
        layers={"both": ("0", "2"), "rest": ("5",)},
        formats={"both": ("coarse",), "rest": ("fine",)},
    )
    found = measured(replace(given, options=options))
    assert list(found) == [("both", "coarse"), ("rest", "fine")]
    changes = options.changes({"both": "coarse"})
    assert list(changes) == ["0", "2"]
    assert found["both", "coarse"] == given.measure(changes)


def test_thinned_samples_are_spread_evenly() -> None:
    graph, layers = network()
    given = trials(graph, layers, samples=9)
    assert given.thinned(20).samples == given.samples
    few = given.thinned(3)
    assert few.samples == [given.samples[i] for i in (0, 4, 8)]
    assert few.evaluator is given.evaluator


def test_hawq_on_a_product() -> None:
    # One number is not zero, so v'Hv is the same for all vectors of signs: exactly the trace.
    given, weights = product([[0, 2, 0, 0]])
    found = sensitivity(given, "hawq")
    energy = np.sum(np.square(2 * weights[1]))
    mean_trace = 2 * 3 * 2**2 / energy / weights.size
    for format in STEPS:
        error = np.sum(np.square(rounded(weights, format) - weights))
        assert found["y", format] == pytest.approx(mean_trace * error, rel=1e-3)


def test_gauss_newton_on_a_product() -> None:
    given, weights = product([[1, 2, 0, 0.5], [0, 0.25, 3, 1]])
    found = sensitivity(given, "gauss-newton")
    x = np.concatenate([sample["x"] for sample in given.samples])
    for format in STEPS:
        error = x @ (rounded(weights, format) - weights)
        expected = np.sum(np.square(error)) / np.sum(np.square(x @ weights))
        assert found["y", format] == pytest.approx(expected, rel=1e-4)


def test_gauss_newton_sees_rounded_activations() -> None:
    given, weights = product([[1, 2, 0, 0.5], [0, 0.25, 3, 1]])
    change = Change(weights, input=Rounding(1.0, 0, 2))
    options = replace(given.options, change=lambda layer, format: change, rounding=True)
    found = sensitivity(replace(given, options=options), "gauss-newton")
    x = np.concatenate([sample["x"] for sample in given.samples])
    error = (np.clip(np.rint(x), 0, 2) - x) @ weights
    expected = np.sum(np.square(error)) / np.sum(np.square(x @ weights))
    assert found["y", "fine"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["hawq", "gauss-newton"])
def test_coarser_steps_cost_more(method: str) -> None:
    graph, layers = network()
    found = sensitivity(trials(graph, layers), method)
    assert all(found[name, "coarse"] > found[name, "fine"] > 0 for name in layers)


def test_unknown_method() -> None:
    given, _ = product([[1, 2, 0, 0.5]])
    with pytest.raises(OptionError, match="expected one of output, hawq, gauss-newton, found 'x'"):
        sensitivity(given, "x")


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    # Ranks 1, 2.5, 2.5, 4 and 1, 2, 4, 3: covariance 3, variances 4.5 and 5.
    found = rank_correlation([1, 2, 2, 3], [5, 6, 8, 7])
    assert found == pytest.approx(3 / np.sqrt(4.5 * 5))
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))


def test_rank_correlations_by_format() -> None:
    a = {("l", "w8a8"): 1.0, ("m", "w8a8"): 2.0, ("l", "w4a8"): 5.0, ("m", "w4a8"): 4.0}
    b = {("l", "w8a8"): 1.0, ("m", "w8a8"): 2.0, ("l", "w4a8"): 4.0, ("m", "w4a8"): 5.0}
    found = rank_correlations(a, b)
    assert found == pytest.approx({"all": 0.8, "w8a8": 1, "w4a8": -1})
