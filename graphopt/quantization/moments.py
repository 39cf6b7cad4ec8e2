"""First and second moments of what layers read, over samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphopt.ir import Array, Graph, Value
from graphopt.ops import Conv, MatMul
from graphopt.ops.window import windows
from graphopt.progress import Progress
from graphopt.quantization.calibrate import tap
from graphopt.quantization.layers import Layer
from graphopt.quantization.samples import Sample

# Positions of one sample that a layer's products are looked at: as many per input of a product,
# but not fewer or more than these.
PER_INPUT, FEWEST, MOST = 0.5, 64, 512
# What the moments of one layer may take.
LAYER_BYTES = 128 << 20


class Moments:
    """The mean and covariance of the inputs of products, gathered piece by piece.

    Inputs are counted from the mean of the first piece, so that a mean that is large beside the
    deviations costs no digits.
    """

    def __init__(self) -> None:
        self.count = 0
        self._pivot: Array = np.zeros((), np.float32)
        self._sum: Array = np.zeros(())
        self._products: Array = np.zeros((), np.float32)

    def add(self, columns: Array) -> None:
        """Take in columns [groups, inputs, how many]."""
        if self.count == 0:
            self._pivot = columns.mean(axis=2, keepdims=True)
        columns = columns - self._pivot
        self._sum = self._sum + columns.sum(axis=2, dtype=np.float64)
        self._products = self._products + columns @ columns.swapaxes(1, 2)
        self.count += columns.shape[2]

    @property
    def mean(self) -> Array:
        """[groups, inputs]."""
        return (self._pivot[:, :, 0] + self._sum / self.count).astype(np.float32)

    @property
    def covariance(self) -> Array:
        """[groups, inputs, inputs]."""
        off = self._sum / self.count
        found = self._products / self.count - off[:, :, None] * off[:, None, :]
        return found.astype(np.float32)


def layer_moments(
    graph: Graph,
    layers: Sequence[Layer],
    samples: Iterable[Sample],
    target: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, Moments]:
    """The moments of what each layer's products read, by the layer's name.

    Args:
        graph: a float graph, up to the end of the "canonical" phase.
        layers: of `graph`, such as `has_moments` allows.
        samples: one array per input and sample; iterated once.
    """
    inputs = tuple(dict.fromkeys(layer.node.inputs[0] for layer in layers))
    computed = tuple(value for value in inputs if value not in graph.inputs)
    run = tap(graph, computed, target) if computed else None
    moments = {layer.name: Moments() for layer in layers}
    for index, sample in enumerate(samples):
        if progress is not None and index % 16 == 0:
            progress(f"moments of {len(layers)} layers, sample {index}")
        arrays: dict[Value, Array] = {v: sample[v.name] for v in inputs if v in graph.inputs}
        arrays |= zip(computed, run(sample) if run else (), strict=True)
        for layer in layers:
            generator = np.random.default_rng(index)
            moments[layer.name].add(columns(layer, arrays[layer.node.inputs[0]], generator))
    return moments


def has_moments(layer: Layer) -> bool:
    """Whether a layer is a convolution or the product with one matrix, not too wide."""
    op = layer.node.op
    fits = isinstance(op, Conv) or (isinstance(op, MatMul) and layer.weights.type.rank == 2)
    return fits and moment_bytes(layer) <= LAYER_BYTES


def moment_bytes(layer: Layer) -> int:
    """What the moments of a layer take in memory."""
    groups = layer.node.op.groups if isinstance(layer.node.op, Conv) else 1
    return 4 * groups * _inputs(layer) ** 2


def columns(layer: Layer, x: Array, generator: np.random.Generator) -> Array:
    """What products of a layer read at positions drawn from x, [groups, inputs, positions]."""
    op = layer.node.op
    inputs = _inputs(layer)
    most = int(np.clip(PER_INPUT * inputs, FEWEST, MOST))
    if isinstance(op, MatMul):
        rows = x.reshape(-1, inputs)
        chosen = generator.choice(len(rows), min(most, len(rows)), replace=False)
        return np.ascontiguousarray(rows[chosen].T)[None]
    assert isinstance(op, Conv)
    x = np.moveaxis(x, -1, 1) if op.layout == "NHWC" else x
    spatial = len(op.strides)
    kernel = layer.weights.type.dims[2:]
    view = windows(x, kernel, op.strides, op.pads, op.dilations, 0)
    positions = (view.shape[0], *view.shape[2 : 2 + spatial])
    count = int(np.prod(positions))
    chosen = generator.choice(count, min(most, count), replace=False)
    sample, *place = np.unravel_index(chosen, positions)
    here: tuple[Any, ...] = (sample, slice(None), *place)
    found = view[here]  # [positions, channels, *kernel]
    return np.ascontiguousarray(found.reshape(len(chosen), op.groups, inputs).transpose(1, 2, 0))


def product_weights(layer: Layer, weights: Array) -> Array:
    """Weights of a layer laid out [groups, inputs, channels]."""
    op = layer.node.op
    if isinstance(op, MatMul):
        return (weights.T if op.transpose_b else weights)[None].astype(np.float32)
    assert isinstance(op, Conv)
    grouped = weights.reshape(op.groups, weights.shape[0] // op.groups, -1)
    return np.ascontiguousarray(grouped.swapaxes(1, 2), np.float32)


def layer_layout(layer: Layer, products: Array) -> Array:
    """The inverse of `product_weights`."""
    op = layer.node.op
    if isinstance(op, MatMul):
        return np.ascontiguousarray(products[0].T if op.transpose_b else products[0])
    return np.ascontiguousarray(products.swapaxes(1, 2)).reshape(layer.weights.type.dims)


def _inputs(layer: Layer) -> int:
    """How many inputs each product of a layer has."""
    return layer.weights.type.elements // layer.channels
