"""The real models: imported, printed and parsed, run by the interpreter, exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from graphopt.frontend import export_onnx, load_onnx
from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.ops import OnnxOp
from graphopt.pipeline import run_pipeline
from graphopt.text import constants_by_digest, parse_graph, print_graph
from graphopt.verify import verify

from .shared_models import MINIMOL, minimol_inputs, model_paths, sample_inputs

MODELS = [pytest.param(path, id=path.stem) for path in model_paths()]
# Sums over wide ranges: the tolerances of the project's issue.
TOLERANCE = {"yolox_nano_coco_fp32": 1e-3, "ppocrv4_rec_svtr_fp32": 1e-3}
# Steps by which ONNX Runtime itself may differ from the TFLite original (the models' README), or
# by which a probability moves with one step of a logit.
STEPS = {
    "ic_resnet8_int8_qdq": 1,
    "mcunet_in3_int8_qdq": 3,
    "mobilenetv1_025_128_imagenet_uint8_qdq": 5,
    "mobilenetv2_imagenet_int8_qdq": 13,
}


def onnxruntime_results(model: bytes | str, inputs: dict[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime computes, node by node."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    results = session.run(names, inputs)
    return {name: np.asarray(array) for name, array in zip(names, results, strict=True)}


def assert_same(
    name: str, found: dict[str, Array], expected: dict[str, Array], steps: int = 0
) -> None:
    """Integers within `steps` of their quantization, or more where `STEPS` knows of more."""
    assert list(found) == list(expected)
    for output, want in expected.items():
        got = found[output]
        assert got.shape == want.shape and got.dtype == want.dtype
        difference = np.abs(got.astype(np.float64) - want.astype(np.float64)).max()
        if want.dtype.kind in "iu":
            assert difference <= max(STEPS.get(name, 0), steps)
        else:
            tolerance = TOLERANCE.get(name, 1e-4)
            assert difference <= tolerance * np.abs(want).max()


def assert_prints_and_parses(graph: Graph) -> None:
    text = print_graph(graph)
    parsed = parse_graph(text, constants_by_digest(graph))
    verify(parsed)
    assert print_graph(parsed) == text


@pytest.mark.parametrize("path", MODELS)
def test_a_model_means_what_onnxruntime_computes(path: Path) -> None:
    graph = load_onnx(path)
    verify(graph)
    assert not [node for node in graph.nodes if isinstance(node.op, OnnxOp)]
    assert_prints_and_parses(graph)
    inputs = sample_inputs(graph)
    expected = onnxruntime_results(str(path), inputs)
    assert_same(path.stem, evaluate(graph, inputs), expected)
    exported = export_onnx(graph).SerializeToString()
    assert_same(path.stem, onnxruntime_results(exported, inputs), expected)


@pytest.mark.parametrize("path", MODELS)
def test_the_passes_keep_the_meaning_of_a_model(path: Path) -> None:
    graph = load_onnx(path)
    kernels = run_pipeline(graph, Instruments(verify="phase"))
    inputs = sample_inputs(graph)
    expected = evaluate(graph, inputs)
    assert_same(path.stem, evaluate(kernels, inputs), expected, steps=1)
    if "int8" in path.stem:
        return  # ONNX has no operator that rescales integers
    exported = export_onnx(kernels).SerializeToString()
    assert_same(path.stem, onnxruntime_results(exported, inputs), expected, steps=1)


@pytest.mark.skipif(not MINIMOL.exists(), reason="needs the shared models")
def test_a_model_with_symbolic_shapes() -> None:
    inputs = minimol_inputs()
    graph = load_onnx(MINIMOL, shapes={name: array.shape for name, array in inputs.items()})
    verify(graph)
    assert_prints_and_parses(graph)
    expected = onnxruntime_results(str(MINIMOL), inputs)
    assert_same("minimol", evaluate(graph, inputs), expected)
    exported = export_onnx(graph).SerializeToString()
    assert_same("minimol", onnxruntime_results(exported, inputs), expected)
