"""Quantized models give what TFLite gives for the files that they were converted from."""

from __future__ import annotations

import numpy as np
import pytest

import graphopt

from ..frontend.shared_models import FOLDER, sample_inputs
from .tflite import TFLITE, tflite_runner

SEEDS = range(5)
# TFLite rounds both branches of a residual connection before it adds them; graphopt rounds once.
# One step of a logit of the ResNet moves a probability by up to 14 steps.
STEPS = {"ic_resnet8_int8_qdq": 14, "mcunet_in3_int8_qdq": 3}


@pytest.mark.skipif(not FOLDER.exists(), reason=f"needs {FOLDER}")
@pytest.mark.parametrize("name", TFLITE)
def test_a_quantized_model_gives_what_tflite_gives(name: str) -> None:
    path = FOLDER / "onnx" / f"{name}.onnx"
    graph = graphopt.load_onnx(path)
    model, original = graphopt.compile(path), tflite_runner(name)
    for seed in SEEDS:
        feed = sample_inputs(graph, seed)
        for got, want in zip(model.run(feed).values(), original(feed), strict=True):
            if got.dtype.kind == "f":
                np.testing.assert_allclose(got.reshape(-1), want.reshape(-1), rtol=1e-5)
                continue
            difference = np.abs(got.reshape(-1).astype(int) - want.reshape(-1).astype(int))
            assert difference.max() <= STEPS.get(name, 0), f"seed {seed}"
