"""Exchanged weights and roundings give what the interpreter gives for the changed graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt import interpreter
from graphopt.errors import InputError
from graphopt.ir import Array, Graph, Node
from graphopt.ops import Conv, Dequantize, MatMul, Quantize
from graphopt.quantization.evaluate import Evaluator, Rounding
from graphopt.testing import assert_close, random_inputs
from graphopt.text import parse_graph

# Both convolutions read one constant; two of the products read equal arrays.
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
  return %6 as y
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


def network() -> tuple[Graph, dict[str, Node]]:
    graph = parse_graph(TEXT, arrays())
    layers = [node for node in graph.nodes if isinstance(node.op, Conv | MatMul)]
    return graph, {node.output.name: node for node in layers}


def with_constants(graph: Graph, node: Node, *arrays: Array) -> Graph:
    """`graph` with these constants for `node` alone."""
    inputs = list(node.inputs)
    constants = dict(graph.constants)
    for i, array in enumerate(arrays, 1):
        inputs[i] = replace(node.inputs[i], name=f"{node.inputs[i].name}.own")
        constants[inputs[i]] = array
    new = replace(node, inputs=tuple(inputs))
    nodes = tuple(new if each is node else each for each in graph.nodes)
    return replace(graph, nodes=nodes, constants=constants)


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
    with evaluator.changed({name: weights}):
        ((found,),) = evaluator.run([inputs])
    assert_close(found, expected)

    ((after,),) = evaluator.run([inputs])
    np.testing.assert_array_equal(after, before)


def test_changed_bias() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    inputs = random_inputs(graph)
    weights, bias = evaluator.weights("0"), np.full(8, 3, np.float32)
    evaluator.set("0", weights, bias)
    ((found,),) = evaluator.run([inputs])
    changed = with_constants(graph, layers["0"], weights, bias)
    assert_close(found, interpreter.evaluate(changed, inputs)["y"])
    with pytest.raises(InputError, match="bias: expected none"):
        evaluator.set("2", weights, bias)


def test_samples_in_order() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers)
    samples = [random_inputs(graph, seed) for seed in range(9)]
    for sample, (found,) in zip(samples, evaluator.run(samples), strict=True):
        assert_close(found, interpreter.evaluate(graph, sample)["y"])


def test_rounding_means_quantize_and_dequantize() -> None:
    graph, layers = network()
    activation = layers["2"].inputs[0]
    evaluator = Evaluator(graph, layers, [*graph.inputs, activation])
    inputs = random_inputs(graph)
    ((exact,),) = evaluator.run([inputs])
    assert_close(exact, interpreter.evaluate(graph, inputs)["y"])

    evaluator.round(activation.name, Rounding(0.25, -2, 13))
    ((found,),) = evaluator.run([inputs])
    quantized = parse_graph(
        TEXT.replace("%2: f32[1,8,6,6] = conv(%1", "%2: f32[1,8,6,6] = conv(%q")
        .replace("add(%1", "add(%q")
        .replace(
            "  %2:",
            "  %s: f32[] = constant(0.25)\n  %z: u4[] = constant(2)\n"
            f"  %p: u4[1,8,6,6] = {Quantize.name}(%1, %s, %z)\n"
            f"  %q: f32[1,8,6,6] = {Dequantize.name}(%p, %s, %z)\n  %2:",
        ),
        arrays(),
    )
    assert_close(found, interpreter.evaluate(quantized, inputs)["y"])
    assert np.abs(found - exact).max() > 0.1

    evaluator.round(activation.name, None)
    ((again,),) = evaluator.run([inputs])
    np.testing.assert_array_equal(again, exact)


def test_what_does_not_fit_is_refused() -> None:
    graph, layers = network()
    evaluator = Evaluator(graph, layers, graph.inputs)
    with pytest.raises(InputError, match="expected one of 0, 2, 5, 6"):
        evaluator.set("conv9", np.zeros(1, np.float32))
    with pytest.raises(InputError, match=r"expected f32\[8,8\], found f64\[8,8\]"):
        evaluator.set("5", np.zeros((8, 8)))
    with pytest.raises(InputError, match=r"expected f32\[8,8\], found f32\[8\]"):
        evaluator.set("5", np.zeros(8, np.float32))
    with pytest.raises(InputError, match="scale: expected above 0, found 0.0"):
        evaluator.round("x", Rounding(0.0, 0, 255))
