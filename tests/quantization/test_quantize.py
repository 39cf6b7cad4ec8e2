"""From an ONNX model and samples to a quantized graph, a file, and code that agrees with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import graphopt
from graphopt.errors import InputError, OptionError
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType
from graphopt.ops import Dequantize, Quantize
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.result import Quantized

RNG = np.random.default_rng(0)
SAMPLES = [RNG.standard_normal((1, 3, 16, 16)).astype(np.float32) for _ in range(8)]


def network() -> onnx.ModelProto:
    """Convolutions, a residual sum, a table, a mean and a matrix product."""

    def weights(name: str, *shape: int) -> onnx.TensorProto:
        fan = np.prod(shape[1:])
        array = RNG.standard_normal(shape) * np.sqrt(2 / fan)
        return numpy_helper.from_array(array.astype(np.float32), name)

    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w0", "b0"], ["c0"], "first", pads=[1, 1, 1, 1]),
        node("Relu", ["c0"], ["r0"]),
        node("Conv", ["r0", "w1", "b0"], ["c1"], "second", pads=[1, 1, 1, 1]),
        node("Add", ["c1", "r0"], ["a"], "sum"),
        node("HardSwish", ["a"], ["h"], "table"),
        node("Conv", ["h", "w2"], ["c2"], "depthwise", group=8),
        node("Relu", ["c2"], ["r2"]),
        node("GlobalAveragePool", ["r2"], ["g"], "mean"),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["y"], "dense"),
    ]
    shapes = {"w0": (8, 3, 3, 3), "w1": (8, 8, 3, 3), "w2": (8, 1, 3, 3), "w3": (8, 5)}
    constants = [weights(name, *shape) for name, shape in shapes.items()]
    constants += [weights("b0", 8), weights("b3", 5)]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


MODEL = network()


@pytest.fixture(scope="module")
def quantized() -> Quantized:
    return graphopt.quantize(MODEL, SAMPLES)


def run_onnxruntime(path: Path, sample: Array, optimize: bool = True) -> Array:
    options = onnxruntime.SessionOptions()
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Its AVX2 kernels saturate sums of two 8-bit products otherwise.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    result: Array = session.run(None, {"x": sample})[0]
    return result


def signal_to_noise(y: Array, reference: Array) -> float:
    """In dB."""
    return float(10 * np.log10(np.mean(reference**2) / np.mean((y - reference) ** 2)))


def test_close_to_the_float_model(quantized: Quantized) -> None:
    inputs = [{"x": sample} for sample in SAMPLES]
    float_outputs = np.array([evaluate(quantized.float_graph, x)["y"] for x in inputs])
    outputs = np.array([evaluate(quantized.graph, x)["y"] for x in inputs])
    assert signal_to_noise(outputs, float_outputs) > 30


def test_compiled_code_gives_what_the_graph_says(quantized: Quantized) -> None:
    model = quantized.compile()
    for sample in SAMPLES:
        expected = evaluate(quantized.graph, {"x": sample})["y"]
        # A number between two steps may round to either: sums of floats differ in their order.
        np.testing.assert_allclose(model(sample), expected, atol=0.03)


def test_the_file_runs_in_onnxruntime(quantized: Quantized, tmp_path: Path) -> None:
    quantized.save(tmp_path / "q")
    onnx.checker.check_model(tmp_path / "q" / "model.onnx", full_check=True)
    model = quantized.compile()
    for sample in SAMPLES:
        other = run_onnxruntime(tmp_path / "q" / "model.onnx", sample)
        np.testing.assert_allclose(model(sample), other, atol=0.03)
    again = graphopt.compile(tmp_path / "q" / "model.onnx")
    np.testing.assert_array_equal(again(SAMPLES[0]), model(SAMPLES[0]))


@pytest.mark.parametrize(("weights", "activations"), [(4, 8), (2, 8), (8, 4), (8, 16)])
def test_other_widths_run_in_onnxruntime(weights: int, activations: int, tmp_path: Path) -> None:
    result = graphopt.quantize(MODEL, SAMPLES, weights, activations)
    stored = {v.type.dtype for v in result.graph.constants}
    assert {f"i{weights}", f"i{activations}"} <= {str(d) for d in stored}
    result.save(tmp_path)
    if weights == 2:
        return  # ONNX Runtime does not load 2-bit integers
    # Its optimizations make of 4-bit activations what it then does not load.
    other = run_onnxruntime(tmp_path / "model.onnx", SAMPLES[0], optimize=activations != 4)
    np.testing.assert_allclose(evaluate(result.graph, {"x": SAMPLES[0]})["y"], other, atol=0.1)


def test_a_saved_plan_can_be_edited_and_given_back(quantized: Quantized, tmp_path: Path) -> None:
    quantized.save(tmp_path)
    plan = QuantizationPlan.load(tmp_path / "plan.json")
    assert plan == quantized.plan
    assert list(plan.formats) == ["first", "second", "depthwise", "dense"]
    same = graphopt.quantize(MODEL, SAMPLES, plan=plan)
    assert str(same.graph) == str(quantized.graph)
    edited = QuantizationPlan(plan.activations, {**plan.formats, "second": "w4a8"})
    again = graphopt.quantize(MODEL, None, plan=edited)
    assert {v.type.dtype for v in again.graph.constants} >= {DType.I4, DType.I8}


def test_formats_of_layers() -> None:
    result = graphopt.quantize(MODEL, SAMPLES, formats={"second": "f32", "dense": "w4a4"})
    assert result.plan.formats["second"] == "f32"
    kinds = {str(n.location): {str(v.type.dtype) for v in n.inputs} for n in result.graph.nodes}
    assert kinds["second"] == {"f32"}
    assert sum(isinstance(n.op, Quantize) for n in result.graph.nodes) > 3


@pytest.mark.parametrize("narrow", ["f16", "bf16", "f8e4m3", "f8e5m2"])
def test_layers_in_narrow_floats(narrow: str, tmp_path: Path) -> None:
    """Within what a mantissa of 2 bits loses; as ONNX Runtime computes the same file."""
    result = graphopt.quantize(MODEL, SAMPLES, formats={"second": narrow})
    expected = evaluate(result.float_graph, {"x": SAMPLES[0]})["y"]
    found = result.compile().run({"x": SAMPLES[0]})["y"]
    np.testing.assert_allclose(found, expected, atol=0.15 * np.abs(expected).max())
    result.save(tmp_path)
    other = run_onnxruntime(tmp_path / "model.onnx", SAMPLES[0])
    np.testing.assert_allclose(found, other, atol=0.1)


def test_quantized_outputs() -> None:
    result = graphopt.quantize(MODEL, SAMPLES, quantize_outputs=True)
    (last,) = (n for n in result.graph.nodes if n.outputs[0] is result.graph.outputs[0])
    assert isinstance(last.op, Dequantize)


def test_progress() -> None:
    lines: list[str] = []
    graphopt.quantize(MODEL, SAMPLES, progress=lines.append)
    assert {"calibrate", "ranges", "insert quantizers"} <= set(lines)
    assert "calibrating: part 1 of 1, sample 0" in lines


def test_bad_options() -> None:
    with pytest.raises(OptionError, match=r"weights: bits: expected one of \[2, 4, 8, 16\], fou"):
        graphopt.quantize(MODEL, SAMPLES, 3)
    with pytest.raises(OptionError, match="layer third: expected one of first, second, depthwise"):
        graphopt.quantize(MODEL, SAMPLES, formats={"third": "w8a8"})
    with pytest.raises(OptionError, match="format: expected wXaY"):
        graphopt.quantize(MODEL, SAMPLES, formats={"first": "w8"})
    with pytest.raises(OptionError, match="ranges: expected one of minmax"):
        graphopt.quantize(MODEL, SAMPLES, ranges="best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="samples: expected at least one"):
        graphopt.quantize(MODEL, [])
    with pytest.raises(InputError, match="samples: expected some, found none"):
        graphopt.quantize(MODEL, None)


def test_even_channels_where_they_help() -> None:
    first = np.full((4, 3, 3, 3), 0.1, np.float32) * np.logspace(0, 4, 4).reshape(4, 1, 1, 1)
    first *= RNG.choice([-1, 1], first.shape)
    last = RNG.standard_normal((2, 4, 3, 3)) / np.logspace(0, 4, 4).reshape(1, 4, 1, 1)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Conv", ["r", "u"], ["y"], "last", pads=[1, 1, 1, 1]),
    ]
    constants = [
        numpy_helper.from_array(array.astype(np.float32), name)
        for name, array in (("w", first), ("u", last))
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "uneven",
        [value("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [value("y", TensorProto.FLOAT, [1, 2, 16, 16])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    even = graphopt.quantize(model, SAMPLES, floor=None)
    uneven = graphopt.quantize(model, SAMPLES, floor=None, equalize=False)
    assert even.plan.equalized and not uneven.plan.equalized
    expected = evaluate(uneven.float_graph, {"x": SAMPLES[0]})["y"]
    ratios = [
        signal_to_noise(evaluate(each.graph, {"x": SAMPLES[0]})["y"], expected)
        for each in (even, uneven)
    ]
    assert ratios[0] > ratios[1] + 10
    again = graphopt.quantize(model, SAMPLES, plan=even.plan)
    assert str(again.graph) == str(even.graph)
