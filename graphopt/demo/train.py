"""Train the demo network on scikit-learn's handwritten digits: python -m graphopt.demo.train.

Writes `digits.onnx` and `digits.npz` (the held-out images and labels) into the folder given as the
first argument, by default the folder of this file. Needs scikit-learn; takes about a minute.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from graphopt.demo.layers import (
    Array,
    BatchNorm,
    Chain,
    Conv,
    Dense,
    GlobalAveragePool,
    Layer,
    OnnxBody,
    Parameter,
    Relu,
    Residual,
)

Labels = NDArray[np.int64]
OPSET = 17


def network(rng: np.random.Generator) -> Chain:
    """Two residual blocks, the second one halving the image: 8x8 digits to 10 logits."""
    return Chain(
        "digits",
        Conv("stem", rng, 1, 16, 3),
        BatchNorm("stem.norm", 16),
        Relu("stem.relu"),
        Residual("block1", convolutions("block1", rng, 16, 16, 1)),
        Relu("block1.relu"),
        Residual(
            "block2",
            convolutions("block2", rng, 16, 32, 2),
            Chain(
                "block2.shortcut",
                Conv("block2.shortcut", rng, 16, 32, 1, 2),
                BatchNorm("block2.shortcut.norm", 32),
            ),
        ),
        Relu("block2.relu"),
        GlobalAveragePool("pool"),
        Dense("classifier", rng, 32, 10),
    )


def convolutions(name: str, rng: np.random.Generator, ins: int, outs: int, stride: int) -> Chain:
    return Chain(
        name,
        Conv(f"{name}.conv1", rng, ins, outs, 3, stride),
        BatchNorm(f"{name}.norm1", outs),
        Relu(f"{name}.relu1"),
        Conv(f"{name}.conv2", rng, outs, outs, 3),
        BatchNorm(f"{name}.norm2", outs),
    )


def normalized(images: NDArray[np.uint8]) -> Array:
    """uint8 [n, 8, 8] of 0..16 to f32 [n, 1, 8, 8] of 0..1, as the network is fed in training."""
    return images[:, None].astype(np.float32) / 16


def batches(
    images: Array, labels: Labels, size: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Labels]]:
    """Shuffled batches, every image moved by up to one pixel each way."""
    height, width = images.shape[2:]
    order = rng.permutation(len(images))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        padded = np.pad(images[chosen], ((0, 0), (0, 0), (1, 1), (1, 1)))
        moves = rng.integers(0, 3, (len(chosen), 2))
        moved = [
            x[:, i : i + height, j : j + width] for x, (i, j) in zip(padded, moves, strict=True)
        ]
        yield np.stack(moved), labels[chosen]


def train(net: Layer, images: Array, labels: Labels, epochs: int, rng: np.random.Generator) -> None:
    """Adam on the cross-entropy, the learning rate falling from 3e-3 to 0 along a cosine."""
    parameters = list(net.parameters())
    means = [np.zeros_like(p.value) for p in parameters]
    squares = [np.zeros_like(p.value) for p in parameters]
    step, steps = 0, epochs * -(-len(images) // 64)
    for _ in range(epochs):
        for x, y in batches(images, labels, 64, rng):
            step += 1
            rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / steps))
            net.backward(cross_entropy_gradient(net.forward(x, training=True), y))
            for p, mean, square in zip(parameters, means, squares, strict=True):
                adam(p, mean, square, rate, step)


def cross_entropy_gradient(logits: Array, labels: Labels) -> Array:
    exp = np.exp(logits - logits.max(1, keepdims=True))
    grad = exp / exp.sum(1, keepdims=True)
    grad[np.arange(len(labels)), labels] -= 1
    out: Array = grad / np.float32(len(labels))
    return out


def adam(p: Parameter, mean: Array, square: Array, rate: float, step: int) -> None:
    """One step of Adam (Kingma and Ba, 2015) on `p`, whose gradient is then cleared."""
    mean += 0.1 * (p.grad - mean)
    square += 0.001 * (p.grad**2 - square)
    update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    p.value -= (rate * update).astype(np.float32)
    p.grad[...] = 0


def to_onnx(net: Layer) -> ModelProto:
    """The network for one image of raw pixels, 0..16, to ten probabilities."""
    body = OnnxBody()
    scale = body.constant(np.array(1 / 16, np.float32), "scale")
    logits = net.export(body, body.add("Mul", ["image", scale], "normalize"))
    body.nodes.append(helper.make_node("Softmax", [logits], ["probabilities"], "softmax", axis=1))
    graph = helper.make_graph(
        body.nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        body.initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=helper.find_min_ir_version_for([helper.make_opsetid("", OPSET)]),
        producer_name="graphopt.demo.train",
    )
    checker.check_model(model, full_check=True)
    return model


def main(folder: Path, epochs: int = 40) -> float:
    """Train, write both files into `folder` and return the accuracy on the held-out images."""
    pixels, target = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = map(
        np.asarray,
        train_test_split(
            np.asarray(pixels, np.uint8).reshape(-1, 8, 8),
            np.asarray(target),
            test_size=360,
            random_state=0,
            stratify=target,
        ),
    )
    rng = np.random.default_rng(0)
    net = network(rng)
    train(net, normalized(train_x), train_y, epochs, rng)
    logits = net.forward(normalized(test_x), training=False)
    (folder / "digits.onnx").write_bytes(to_onnx(net).SerializeToString())
    np.savez_compressed(folder / "digits.npz", images=test_x, labels=test_y.astype(np.uint8))
    return float((logits.argmax(1) == test_y).mean())


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    print(f"accuracy on held-out images: {main(target):.2%}")
