"""Quantized models that break the rules: one line, typed, that names the node."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import parser

from graphopt.errors import GraphoptError, ModelError
from graphopt.frontend import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array

HEAD = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>\n'


def import_(body: str, constants: str, inputs: str = "float[2,3] x") -> GraphoptError:
    """The error of importing nodes that compute y."""
    model = parser.parse_model(f"{HEAD} g ({inputs}) => (uint8[2,3] y) <{constants}> {{ {body} }}")
    with pytest.raises(GraphoptError) as caught:
        load_onnx(model)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


QUANTIZE = "[quant] y = QuantizeLinear (x, s, z)"
AXIS = "[quant] y = QuantizeLinear <axis = 1> (x, s, z)"
DEQUANTIZE = "[dequant] y = DequantizeLinear (x, s, z)"


@pytest.mark.parametrize(
    ("body", "constants", "message"),
    [
        (
            QUANTIZE,
            "float s = {0.0}, uint8 z = {3}",
            "'quant' (QuantizeLinear): scale: expected positive finite numbers, found 0",
        ),
        (
            QUANTIZE,
            "float s = {-0.5}, uint8 z = {3}",
            "'quant' (QuantizeLinear): scale: expected positive finite numbers, found -0.5",
        ),
        (
            AXIS,
            "float[3] s = {0.5, 0.0, 1.0}, uint8[3] z = {3, 3, 3}",
            "'quant' (QuantizeLinear): scale: expected positive finite numbers, found 0",
        ),
        (
            AXIS,
            "float[2] s = {0.5, 1.0}, uint8[2] z = {3, 3}",
            "'quant' (QuantizeLinear): scale: expected 3 numbers, one for each index of axis 1 of "
            "f32[2,3], found [2]",
        ),
        (
            AXIS,
            "float[3] s = {0.5, 1.0, 1.0}, uint8[2] z = {3, 3}",
            "'quant' (QuantizeLinear): zero point: expected the shape of the scale, [3], found [2]",
        ),
        (
            "[quant] y = QuantizeLinear <axis = 5> (x, s, z)",
            "float[3] s = {0.5, 1.0, 1.0}, uint8[3] z = {3, 3, 3}",
            "'quant' (QuantizeLinear): axis",
        ),
    ],
)
def test_scales_and_axes_of_activations(body: str, constants: str, message: str) -> None:
    error = import_(body, constants)
    assert isinstance(error, ModelError)
    assert message in str(error)


def test_a_dequantized_activation_needs_a_positive_scale_too() -> None:
    error = import_(DEQUANTIZE, "float s = {-1.0}, uint8 z = {3}", "uint8[2,3] x")
    assert "'dequant' (DequantizeLinear): scale: expected positive finite numbers, found -1" in str(
        error
    )


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite(number: float) -> None:
    from onnx import helper

    text = f"{HEAD} g (uint8[2,3] x) => (float[2,3] y) <uint8 z = {{3}}> {{ {DEQUANTIZE} }}"
    model = parser.parse_model(text)
    model.graph.initializer.append(helper.make_tensor("s", 1, [], [number]))
    with pytest.raises(
        ModelError, match=f"'dequant' .*: scale: expected positive .* found {number}"
    ):
        load_onnx(model)


def test_qlinear_operators_are_held_to_the_same_rules() -> None:
    parameters = "float s = {0.5}, float bad = {0.0}, uint8 z = {3}"
    body = "[mm] y = QLinearMatMul (x, s, z, w, s, z, bad, z)"
    error = import_(body, parameters, "uint8[2,3] x, uint8[3,3] w")
    assert "'mm' (QLinearMatMul): scale: expected positive finite numbers, found 0" in str(error)


def test_constants_may_have_negative_scales_and_scales_of_zero() -> None:
    """With zero points, for each channel: converters fold factors into weights."""
    model = parser.parse_model(f"""{HEAD} g (float[1,2] x) => (float[1,3] y)
    <int8[2,3] w = {{1, 2, 3, -128, 5, 6}}, float[3] s = {{-0.5, 0.0, 2.0}},
     int8[3] z = {{7, 8, -9}}, float xs = {{0.1}}, int8 xz = {{0}}> {{
      xq = QuantizeLinear (x, xs, xz)
      xd = DequantizeLinear (xq, xs, xz)
      wd = DequantizeLinear <axis = 1> (w, s, z)
      y = MatMul (xd, wd)
    }}""")
    from graphopt.instruments import Instruments
    from graphopt.pipeline import run_pipeline

    graph = load_onnx(model)
    x: Array = np.array([[1.5, -0.3]], np.float32)
    instruments = Instruments(verify="each")
    result = run_pipeline(graph, instruments)
    assert instruments.floats == ()
    expected = [[(1.5 * (1 - 7) - 0.3 * (-128 - 7)) * -0.5, 0.0, (1.5 * 12 - 0.3 * 15) * 2]]
    for each in (graph, result):
        np.testing.assert_allclose(evaluate(each, {"x": x})["y"], expected, rtol=1e-5)
