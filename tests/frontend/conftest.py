"""What tests of importers share: the comparison with ONNX Runtime."""

from collections.abc import Callable, Mapping

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, parser

from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.testing import assert_close
from graphopt.verify import verify

Check = Callable[[ModelProto, Mapping[str, Array]], Graph]
CheckText = Callable[..., Graph]


@pytest.fixture
def check() -> Check:
    """Import a model and compare it with ONNX Runtime; returns the graph."""
    return _check


@pytest.fixture
def check_text() -> CheckText:
    """`check` for a model in ONNX text (opset 17 and com.microsoft 1) and inputs by name."""

    def run(text: str, opset: int = 17, **feeds: Array) -> Graph:
        domains = f'"" : {opset}, "com.microsoft" : 1'
        model = parser.parse_model(f"<ir_version: 8, opset_import: [{domains}]>\n{text}")
        return _check(model, feeds)

    return run


def _check(model: ModelProto, feeds: Mapping[str, Array]) -> Graph:
    graph = load_onnx(model)
    verify(graph)
    found = evaluate(graph, feeds)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for name, expected in zip(found, session.run(None, dict(feeds)), strict=True):
        assert_close(found[name], np.asarray(expected), name)
    return graph
