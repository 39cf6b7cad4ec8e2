"""Every real model, compiled, gives what ONNX Runtime gives."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphopt

from ..frontend.shared_models import MINIMOL, minimol_inputs, model_paths, sample_inputs
from ..frontend.test_models import assert_same, onnxruntime_results

MODELS = [pytest.param(path, id=path.stem) for path in model_paths()]


@pytest.mark.parametrize("path", MODELS)
def test_a_compiled_model_gives_what_onnxruntime_gives(path: Path) -> None:
    inputs = sample_inputs(graphopt.load_onnx(path))
    found = graphopt.compile(path).run(inputs)
    assert_same(path.stem, found, onnxruntime_results(str(path), inputs), steps=1)


@pytest.mark.skipif(not MINIMOL.exists(), reason="needs the shared models")
def test_a_compiled_graph_network_with_its_shapes_bound() -> None:
    inputs = minimol_inputs()
    model = graphopt.compile(MINIMOL, shapes={name: a.shape for name, a in inputs.items()})
    assert_same("minimol", model.run(inputs), onnxruntime_results(str(MINIMOL), inputs))
