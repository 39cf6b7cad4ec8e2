"""What the canonical phase leaves of real models."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from graphopt.frontend import load_onnx
from graphopt.instruments import Instruments
from graphopt.ir import DType, Graph
from graphopt.ops import Dequantize
from graphopt.pipeline import run_pipeline
from tests.frontend.shared_models import FOLDER, MINIMOL, minimol_inputs, model_paths

MODELS = [pytest.param(path, id=path.stem) for path in [*model_paths(), MINIMOL] if path.exists()]
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs the shared models")

# What remains of operators that move data, and what was recognized; all else is arithmetic.
EXPECTED: dict[str, dict[str, int]] = {
    "cifar10_resnet20_fp32": {"slice": 2, "pad": 2, "reshape": 1},
    "cifar10_resnet20_fp32_rawexport": {"slice": 2, "pad": 2, "reshape": 1},
    "mcunet_in3_int8_qdq": {"pad": 1, "transpose": 1, "reshape": 2},
    "minilm_l3_prunedvocab_fp32": {
        "layer_norm": 7,
        "gelu": 3,
        "transpose": 12,  # query, key, value and result of each of three layers
        "reshape": 16,
    },
    "mobilenetv2_imagenet_fp32_nchw": {"reshape": 1},
    "ppocr_cls_mbv3_fp32": {"hard_swish": 18, "hard_sigmoid": 9, "reshape": 1},
    "ppocrv4_rec_svtr_fp32": {"hard_swish": 28, "hard_sigmoid": 2, "silu": 7, "layer_norm": 5},
    "super_resolution_espcn_fp32": {"depth_to_space": 1},
    "vit_tracker_fp32": {"layer_norm": 7, "gelu": 3, "hard_swish": 6, "expand": 0},
    "yolox_nano_coco_fp32": {"silu": 104, "transpose": 1, "reshape": 3, "slice": 4},
}
MOVING = ("transpose", "reshape", "slice", "pad", "expand", "tile", "identity")


def canonical(path: Path) -> tuple[Graph, Instruments]:
    """A model as the canonical phase leaves it, and what that took."""
    shapes = {n: a.shape for n, a in minimol_inputs().items()} if path == MINIMOL else None
    instruments = Instruments(verify="phase")
    graph = run_pipeline(load_onnx(path, shapes=shapes), instruments, stop_after="canonical")
    return graph, instruments


def _operators(graph: Graph) -> Counter[str]:
    return Counter(node.op.name for node in graph.nodes)


@pytest.mark.parametrize("path", MODELS)
def test_nothing_is_left_that_a_simpler_form_exists_for(path: Path) -> None:
    graph, instruments = canonical(path)
    operators = _operators(graph)
    assert not {"identity", "pow"} & set(operators)
    for node in graph.nodes:
        if not isinstance(node.op, Dequantize):  # which the quantized phase wants to see
            assert any(value not in graph.constants for value in node.inputs), node
    expected = EXPECTED.get(path.stem, {})
    found = {name: operators[name] for name in expected}
    if "transpose" in expected or "reshape" in expected:
        found |= {name: operators[name] for name in MOVING if operators[name]}
    assert found == expected
    # Ten times what it takes here, so that only a change of kind fails.
    assert sum(record.seconds for record in instruments.records) < 5


@pytest.mark.parametrize("path", [each for each in MODELS if each.values[0] != MINIMOL])
def test_no_shape_arithmetic_is_left(path: Path) -> None:
    graph, _ = canonical(path)
    integers = {value for value in graph.inputs if value.type.dtype.is_integer}
    for node in graph.nodes:
        if any(value.type.dtype is DType.I64 for value in node.outputs):
            assert integers & set(node.inputs), node


@pytest.mark.parametrize("path", MODELS)
def test_the_canonical_phase_has_settled(path: Path) -> None:
    graph, _ = canonical(path)
    assert run_pipeline(graph, Instruments(), stop_after="canonical") is graph
