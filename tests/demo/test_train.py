"""The demo's model and images: small, good, and made by the script beside them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import graphopt.demo
from graphopt.demo.layers import (
    Array,
    BatchNorm,
    Chain,
    Conv,
    Dense,
    GlobalAveragePool,
    Layer,
    Relu,
    Residual,
)

FOLDER = Path(graphopt.demo.__file__).parent


def test_model_and_images_are_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in ("digits.onnx", "digits.npz")) < 500_000


def test_shipped_model_reads_the_held_out_digits() -> None:
    data = np.load(FOLDER / "digits.npz")
    images, labels = data["images"][:100], data["labels"][:100]
    evaluator = ReferenceEvaluator(onnx.load(FOLDER / "digits.onnx"))
    found = [
        np.argmax(np.asarray(evaluator.run(["probabilities"], {"image": image}), np.float32))
        for image in images[:, None, None].astype(np.float32)
    ]
    assert np.mean(found == labels) >= 0.97


@pytest.mark.parametrize(
    "layer",
    [
        Conv("conv", np.random.default_rng(1), 2, 3, 3, 2),
        BatchNorm("norm", 2),
        Relu("relu"),
        Chain("chain", GlobalAveragePool("pool"), Dense("fc", np.random.default_rng(1), 2, 3)),
        Residual("block", Conv("conv", np.random.default_rng(1), 2, 2, 3)),
        Residual("block", Relu("relu"), Conv("side", np.random.default_rng(1), 2, 2, 1)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_backward_is_the_gradient_of_forward(layer: Layer) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 2, 5, 5)).astype(np.float32)
    weights = rng.standard_normal(layer.forward(x, True).size).astype(np.float32)
    weights = weights.reshape(layer.forward(x, True).shape)
    direction = rng.standard_normal(x.shape).astype(np.float32)

    def loss(step: float) -> float:
        moved: Array = np.asarray(x + step * direction, np.float32)
        return float((layer.forward(moved, True) * weights).sum(dtype=np.float64))

    numeric = (loss(1e-3) - loss(-1e-3)) / 2e-3
    layer.forward(x, True)
    assert float((layer.backward(weights) * direction).sum()) == pytest.approx(numeric, 2e-2, 2e-2)


@pytest.mark.slow
def test_training_again_gives_a_model_as_good(tmp_path: Path) -> None:
    from graphopt.demo.train import main

    assert main(tmp_path) >= 0.98
    trained = onnx.load(tmp_path / "digits.onnx")
    shipped = onnx.load(FOLDER / "digits.onnx")
    assert [n.op_type for n in trained.graph.node] == [n.op_type for n in shipped.graph.node]
