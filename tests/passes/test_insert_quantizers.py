"""Quantize and dequantize where the plan says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt.errors import PlanError
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph
from graphopt.ops import Dequantize
from graphopt.passes.insert_quantizers import InsertQuantizers
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.weights import QuantizedWeights
from graphopt.testing import check_pass
from graphopt.text import parse_graph, print_graph
from graphopt.verify import verify

TEXT = """
graph g(%x: f32[2,4]) {
  %w: f32[4,2] = constant([[1.0, -0.5], [0.25, 0.5], [0.0, 0.5], [0.0, 0.0]])
  %b: f32[2] = constant([0.25, 0.125])
  %0: f32[2,2] = matmul(%x, %w)
  %1: f32[2,2] = add(%0, %b)
  %2: f32[2,2] = relu(%1)
  %3: f32[2,2] = mul(%2, %2)
  %4: f32[2,2] = matmul(%3, %v)
  return %4
}"""
FULL = TEXT.replace("  %0", "  %v: f32[2,2] = constant([[1.0, 0.0], [0.0, 1.0]])\n  %0", 1)
I8 = {
    "x": (Quantizer(DType.I8, 0.5, 0),),
    "2": (Quantizer(DType.I8, 0.25, -128), Quantizer(DType.I4, 4.0, -8)),
    "3": (Quantizer(DType.I8, 1.0, -128), Quantizer(DType.I4, 16.0, -8)),
}
PLAN = QuantizationPlan(I8, {"0": "w8a8", "4": "w8a8"})


def graph() -> Graph:
    return parse_graph(FULL)


def x() -> dict[str, Array]:
    return {"x": np.array([[1, -2, 3, 0], [0.3, 0.7, -70, 1]], np.float32)}


def test_no_plan_no_change() -> None:
    check_pass(InsertQuantizers(), FULL)


def test_activations_weights_and_bias() -> None:
    result = InsertQuantizers(PLAN).run(graph())
    verify(result)
    body = [line.strip() for line in print_graph(result).splitlines() if " = constant(" not in line]
    assert body == [
        "graph g(%x: f32[2,4]) {",
        "%x.quantized: i8[2,4] = quantize(%x, %scale, %zero_point)",
        "%x.quantized.dequantized: f32[2,4] = dequantize(%x.quantized, %scale, %zero_point)",
        "%w.stored.dequantized: f32[4,2] = dequantize(%w.stored, %w.scale, %w.zero) {axis = 1}",
        "%0: f32[2,2] = matmul(%x.quantized.dequantized, %w.stored.dequantized)",
        "%b.stored.dequantized: f32[2] = dequantize(%b.stored, %b.scale, %b.zero) {axis = 0}",
        "%1: f32[2,2] = add(%0, %b.stored.dequantized)",
        "%2: f32[2,2] = relu(%1)",
        "%2.quantized: i8[2,2] = quantize(%2, %scale.1, %zero_point.1)",
        "%2.quantized.dequantized: f32[2,2] = dequantize(%2.quantized, %scale.1, %zero_point.1)",
        "%3: f32[2,2] = mul(%2.quantized.dequantized, %2.quantized.dequantized)",
        "%3.quantized: i8[2,2] = quantize(%3, %scale.2, %zero_point.2)",
        "%3.quantized.dequantized: f32[2,2] = dequantize(%3.quantized, %scale.2, %zero_point.2)",
        "%v.stored.dequantized: f32[2,2] = dequantize(%v.stored, %v.scale, %v.zero) {axis = 1}",
        "%4: f32[2,2] = matmul(%3.quantized.dequantized, %v.stored.dequantized)",
        "return %4",
        "}",
    ]
    constants = {value.name: array for value, array in result.constants.items()}
    assert constants["w.stored"].tolist() == [[127, -127], [32, 127], [0, 127], [0, 0]]
    assert constants["b.stored"].dtype == np.int32
    np.testing.assert_allclose(constants["b.scale"], [0.5 / 127, 0.25 / 127], rtol=1e-6)
    np.testing.assert_array_equal(constants["b.stored"], [64, 64])
    close = evaluate(result, x())["4"]
    np.testing.assert_allclose(close, evaluate(graph(), x())["4"], atol=0.6)


def test_the_second_format_of_a_value_reads_it_unrounded() -> None:
    result = InsertQuantizers(replace(PLAN, formats={"0": "w8a8", "4": "w4a4"})).run(graph())
    verify(result)
    types = {str(value.type) for value in result.values() if value.name == "3.quantized"}
    assert types == {"i4[2,2]"}
    assert any(value.type.dtype is DType.I4 for value in result.constants)


def test_a_float_layer_and_what_serves_it_alone_stay() -> None:
    result = InsertQuantizers(replace(PLAN, formats={"0": "w8a8", "4": "f32"})).run(graph())
    assert print_graph(result).splitlines()[-5:] == [
        "  %2: f32[2,2] = relu(%1)",
        "  %3: f32[2,2] = mul(%2, %2)",
        "  %4: f32[2,2] = matmul(%3, %v)",
        "  return %4",
        "}",
    ]


@pytest.mark.parametrize("dtype", [DType.F16, DType.BF16])
def test_narrow_floats(dtype: DType) -> None:
    plan = QuantizationPlan(I8, {"0": "w8a8", "4": str(dtype)})
    result = InsertQuantizers(plan).run(graph())
    verify(result)
    assert [n.op.name for n in result.nodes][-5:] == ["cast", "cast", "cast", "cast", "matmul"]


def test_weights_and_biases_that_are_given() -> None:
    weights = QuantizedWeights(np.ones((4, 2), np.int8), np.array([0.5, 0.25], np.float32), axis=1)
    options = InsertQuantizers(PLAN, {"0": weights}, {"0": np.array([1.0, 2.0], np.float32)})
    result = options.run(graph())
    real = [
        node.op.evaluate(*(result.constants[v] for v in node.inputs))[0].tolist()
        for node in result.nodes
        if isinstance(node.op, Dequantize) and node.inputs[0] in result.constants
    ]
    assert real[:2] == [[[0.5, 0.25]] * 4, [1.0, 2.0]]


def test_plans_that_do_not_fit() -> None:
    with pytest.raises(PlanError, match="layer 4: expected a format of each layer, found none"):
        InsertQuantizers(replace(PLAN, formats={"0": "w8a8"})).run(graph())
    with pytest.raises(PlanError, match="activation 3: expected a quantizer, found none"):
        InsertQuantizers(replace(PLAN, activations={"x": I8["x"], "2": I8["2"]})).run(graph())
