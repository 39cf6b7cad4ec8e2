"""Formats within a budget, from the request to the compiled network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from graphopt.errors import BudgetError, OptionError
from graphopt.ir import Array, DType, Graph
from graphopt.quantization.choices import Network, Request, format_options
from graphopt.quantization.evaluate import Outputs, Rounding
from graphopt.quantization.formats import parse_format
from graphopt.quantization.groups import QuantizerGroup, find_placement
from graphopt.quantization.layers import Layer
from graphopt.quantization.mixed import choose_formats
from graphopt.quantization.quantize import quantize
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.samples import Samples
from graphopt.quantization.weights import quantize_weights
from graphopt.testing import random_inputs

from .networks import network


def samples(graph: Graph, count: int = 4) -> list[dict[str, Array]]:
    return [random_inputs(graph, seed) for seed in range(count)]


def calibrated() -> Network:
    graph, layers = network()

    def stored(layer: Layer, dtype: DType) -> tuple[Array, None]:
        return quantize_weights(graph.constants[layer.weights], layer.axis, dtype).real, None

    def quantizer(group: QuantizerGroup, dtype: DType) -> Quantizer:
        return Quantizer(dtype, 0.25, 1)

    def seconds(formats: Sequence[str]) -> dict[tuple[str, str], float]:
        return {(name, f): float(f[1]) for name in layers for f in formats}

    return Network(
        graph,
        layers,
        find_placement(graph).groups,
        Samples(graph.inputs, samples(graph)),
        quantizer,
        stored,
        seconds,
    )


def bytes_of(formats: dict[str, str]) -> int:
    layers = network()[1]
    return sum(
        layers[name].weights.type.elements * int(format[1]) // 8 for name, format in formats.items()
    )


def test_layers_choose_alone_where_activations_are_stored_alike() -> None:
    options = format_options(calibrated(), Request({}))
    assert options.layers == {"0": ("0", "2"), "5": ("5",), "6": ("6",)}  # 0 and 2 share weights
    assert set(options.formats.values()) == {("w8a8", "w4a8", "w2a8")}
    assert not options.rounding
    assert options.change("5", "w4a8").input is None


def test_layers_agree_on_how_an_activation_is_stored() -> None:
    options = format_options(calibrated(), Request({}, formats=("w8a8", "w4a4")))
    assert options.formats["0"] == ("w8a8",)  # reads the image
    assert options.formats["5"] == ("w8a8", "w4a4")
    assert options.rounding
    assert options.change("5", "w4a4").input == Rounding(0.25, -9, 6)
    assert options.change("5", "w8a8").input is None


def test_narrow_floats() -> None:
    options = format_options(calibrated(), Request({}, formats=("f32", "f16")))
    graph, layers = network()
    weights = graph.constants[layers["5"].weights]
    np.testing.assert_array_equal(options.change("5", "f32").weights, weights)
    found = options.change("5", "f16").weights
    assert found.dtype == np.float32 and 0 < np.abs(found - weights).max() < 1e-2


def test_pinned_layers_have_no_choice() -> None:
    options = format_options(calibrated(), Request({}, pinned={"2": "f32"}))
    assert options.formats == {
        "0": ("f32",),
        "5": ("w8a8", "w4a8", "w2a8"),
        "6": ("w8a8", "w4a8", "w2a8"),
    }
    graph, layers = network()
    weights = options.change("2", "f32").weights
    np.testing.assert_array_equal(weights, graph.constants[layers["2"].weights])


@pytest.mark.parametrize("method", ["output", "hawq", "gauss-newton"])
def test_the_budget_is_held_and_used(method: str) -> None:
    mixed = choose_formats(calibrated(), Request({"weight_bytes": "62%"}, sensitivity=method))
    size, whole = bytes_of(dict(mixed.formats)), bytes_of(dict.fromkeys(mixed.formats, "w8a8"))
    assert 0.5 * whole < size <= 0.62 * whole
    assert mixed.formats["0"] == mixed.formats["2"]
    assert mixed.assigned.assignment.binding == ("weight_bytes",)
    assert mixed.assigned.measured > 0


def test_everything_fits() -> None:
    mixed = choose_formats(calibrated(), Request({"weight_bytes": "100%", "formats": 3}))
    assert set(mixed.formats.values()) == {"w8a8"}


def test_latency_is_asked_and_held() -> None:
    mixed = choose_formats(calibrated(), Request({"latency": 4 * 4.0 + 2 * 4.0}))
    costs = mixed.assigned.assignment.costs
    assert costs["latency"] == sum(float(format[1]) for format in mixed.formats.values()) <= 24


def test_number_of_formats() -> None:
    request = Request({"weight_bytes": "45%", "formats": 1})
    mixed = choose_formats(calibrated(), request)
    assert set(mixed.formats.values()) == {"w2a8"}


def test_metric_of_the_user() -> None:
    reference: list[Outputs] = []

    def closeness(outputs: Sequence[Outputs], labels: Sequence[Any]) -> float:
        reference.append(outputs[0])
        assert list(labels) == ["a", "b", "c", "d"]
        # Only the sign of the first number counts.
        return float(np.mean([y[0, 0] > 0 for (y,) in outputs]))

    request = Request({"weight_bytes": "62%"}, metric=closeness, labels=["a", "b", "c", "d"])
    assert choose_formats(calibrated(), request).assigned.measured < 1.01
    assert len(reference) > 9


def test_budget_that_cannot_be_met() -> None:
    with pytest.raises(BudgetError, match="weight_bytes"):
        choose_formats(calibrated(), Request({"weight_bytes": "20%"}))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request({}, pinned={"conv9": "w8a8"}), "layer conv9: expected one of 0, 2, 5, 6"),
        (Request({}, pinned={"0": "w8a8", "2": "w4a8"}), "expected the format w8a8, found w4a8"),
        (Request({}, pinned={"0": "w3a8"}), "found 'w3a8'"),
        (Request({}, formats=()), "expected at least one to choose from"),
    ],
)
def test_what_cannot_be_chosen_from(request_: Request, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        format_options(calibrated(), request_)


def test_quantized_within_a_budget() -> None:
    graph, _ = network()
    quantized = quantize(graph, samples(graph), budget={"weight_bytes": "62%"})
    assert quantized.mixed is not None
    assert quantized.plan.formats == quantized.mixed.formats
    stored = [array.dtype for array in quantized.graph.constants.values()]
    for format in set(quantized.plan.formats.values()):
        assert parse_format(format).weights.numpy in stored
    inputs = samples(graph)[0]
    (found,) = quantized.compile().run(inputs).values()
    (float_output,) = quantize(graph, samples(graph)).compile().run(inputs).values()
    assert np.corrcoef(found.ravel(), float_output.ravel())[0, 1] > 0.8


def test_formats_are_tried_on_samples_that_rounding_is_not_learned_from() -> None:
    graph, _ = network()
    given = samples(graph, 5)
    seen: list[Sequence[Any]] = []

    def metric(outputs: Sequence[Outputs], labels: Sequence[Any]) -> float:
        seen.append(labels)
        return -float(np.mean([np.square(y).sum() for (y,) in outputs]))

    budget = {"weight_bytes": "62%"}
    quantize(graph, given, budget=budget, metric=metric, labels=list("abcde"))
    assert seen[0] == ["b", "d"]
    quantize(graph, given, budget=budget, metric=metric, labels=list("abcde"), rounding="nearest")
    assert seen[-1] == ["a", "b", "c", "d", "e"]
    quantize(graph, given[:1], budget=budget, metric=metric, labels=["a"])
    assert seen[-1] == ["a"]


def test_measured_latency_of_a_small_network() -> None:
    graph, _ = network()
    budget = {"latency": 1.0}
    with pytest.raises(OptionError, match="budget: latency: expected a named ONNX node, found 0"):
        quantize(graph, samples(graph), budget=budget)
