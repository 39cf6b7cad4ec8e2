"""Exchanged weights and roundings give what the interpreter gives for the changed graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt import interpreter
from graphopt.errors import InputError
from graphopt.ir import Array, Graph
from graphopt.quantization.evaluate import Change, Evaluator, Rounding
from graphopt.quantization.layers import Layer
from graphopt.testing import assert_close, random_inputs
from graphopt.text import parse_graph

from .networks import TEXT, arrays, network


def with_constants(graph: Graph, layer: Layer, *arrays: Array) -> Graph:
    """`graph` with these constants for `node` alone."""
    nodes = list(graph.nodes)
    constants = dict(graph.constants)
    for old, array in zip((layer.weights, layer.bias), arrays, strict=False):
        assert old is not None
        own = replace(old, name=f"{old.name}.own")
        constants[own] = array
        for i, node in enumerate(graph.nodes):
            if node in (layer.node, layer.bias_node) and old in node.inputs:
                inputs = (own if v is old else v for v in nodes[i].inputs)
                nodes[i] = replace(nodes[i], inputs=tuple(inputs))
    return replace(graph, nodes=tuple(nodes), constants=constants)


@pytest.mark.parametrize("name", ["0", "2", "5", "6"])
def test_changed_weights_reach_one_layer_only(name: str) -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    inputs = random_inputs(graph)
    ((before,),) = evaluator.run([inputs])
    assert_close(before, interpreter.evaluate(graph, inputs)["y"])

    rng = np.random.default_rng(1)
    weights = np.asarray(rng.standard_normal(evaluator.weights(name).shape), np.float32)
    expected = interpreter.evaluate(with_constants(graph, layers[name], weights), inputs)["y"]
    assert np.abs(expected - before).max() > 0.1
    with evaluator.changed({name: Change(weights)}):
        ((found,),) = evaluator.run([inputs])
    assert_close(found, expected)

    ((after,),) = evaluator.run([inputs])
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", ["0", "6"])
def test_changed_bias_reaches_one_layer_only(name: str) -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    inputs = random_inputs(graph)
    weights, bias = evaluator.weights(name), np.full(8, 3, np.float32)
    with evaluator.changed({name: Change(weights, bias)}):
        ((found,),) = evaluator.run([inputs])
    changed = with_constants(graph, layers[name], weights, bias)
    assert_close(found, interpreter.evaluate(changed, inputs)["y"])
    ((after,),) = evaluator.run([inputs])
    assert_close(after, interpreter.evaluate(graph, inputs)["y"])


def test_no_bias_where_there_is_none() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    weights, bias = evaluator.weights("2"), np.full(8, 3, np.float32)
    with pytest.raises(InputError, match="bias: expected none"):
        evaluator.set("2", weights, bias)


def test_samples_in_order() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    samples = [random_inputs(graph, seed) for seed in range(9)]
    for sample, (found,) in zip(samples, evaluator.run(samples), strict=True):
        assert_close(found, interpreter.evaluate(graph, sample)["y"])


def test_rounding_means_quantize_and_dequantize_for_one_layer() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers, rounding=True)
    inputs = random_inputs(graph)
    ((exact,),) = evaluator.run([inputs])
    assert_close(exact, interpreter.evaluate(graph, inputs)["y"])

    with evaluator.changed({"2": Change(evaluator.weights("2"), input=Rounding(0.25, -2, 13))}):
        ((found,),) = evaluator.run([inputs])
    quantized = parse_graph(
        TEXT.replace("%2: f32[1,8,6,6] = conv(%1", "%2: f32[1,8,6,6] = conv(%q").replace(
            "  %2:",
            "  %s: f32[] = constant(0.25)\n  %z: u4[] = constant(2)\n"
            "  %p: u4[1,8,6,6] = quantize(%1, %s, %z)\n"
            "  %q: f32[1,8,6,6] = dequantize(%p, %s, %z)\n  %2:",
        ),
        arrays(),
    )
    assert_close(found, interpreter.evaluate(quantized, inputs)["y"])
    assert np.abs(found - exact).max() > 0.1

    ((again,),) = evaluator.run([inputs])
    np.testing.assert_array_equal(again, exact)


def test_what_does_not_fit_is_refused() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    with pytest.raises(InputError, match="expected one of 0, 2, 5, 6"):
        evaluator.set("conv9", np.zeros(1, np.float32))
    with pytest.raises(InputError, match=r"expected f32\[8,8\], found f64\[8,8\]"):
        evaluator.set("5", np.zeros((8, 8)))
    with pytest.raises(InputError, match=r"expected f32\[8,8\], found f32\[8\]"):
        evaluator.set("5", np.zeros(8, np.float32))
    with pytest.raises(InputError, match="expected an evaluator made with rounding"):
        evaluator.round_input("5", Rounding(1.0, 0, 255))
    with pytest.raises(InputError, match="scale: expected above 0, found 0.0"):
        Evaluator(graph, layers, rounding=True).round_input("5", Rounding(0.0, 0, 255))
