"""The integers of layers, rounded by what the layers read over the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from graphopt.ir import Array, DType, Graph
from graphopt.progress import Progress, say
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.moments import (
    Moments,
    has_moments,
    layer_layout,
    layer_moments,
    moment_bytes,
    product_weights,
)
from graphopt.quantization.rounding import learn_rounding
from graphopt.quantization.samples import Sample
from graphopt.quantization.weights import (
    QuantizedWeights,
    WeightMethod,
    weight_range,
    weight_scales,
)

# Rounding to more bits errs little beside what rounding activations does.
MOST_BITS = 4
# Added to all variances, as a share of their mean: few samples say little of the directions that
# they hardly show.
DAMPING = 0.1
# Added as a share of the mean square, so that inputs that are constant have a variance too.
LEAST_VARIANCE = 1e-6
# What the moments that are held at a time may take.
HELD_BYTES = 256 << 20


class Learner:
    """Learns the rounding of layer after layer of one graph, when asked.

    Args:
        graph: a float graph, at the end of the "canonical" phase.
        samples: of its inputs; iterated once for as many layers as fit `HELD_BYTES`.
        corrected: the names of the layers whose bias takes up the mean error.
        method: what chooses the scales that learning starts from.
        target: what code the samples are run by.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Iterable[Sample],
        corrected: Collection[str] = (),
        method: WeightMethod = "mse",
        target: str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        self._graph = graph
        self._samples = samples
        self._corrected = corrected
        self._method: WeightMethod = method
        self._target = target
        self._progress = progress
        layers = find_layers(graph).values()
        uses = Counter(layer.weights for layer in layers)
        learnable = [each for each in layers if has_moments(each) and uses[each.weights] == 1]
        self._parts = {layer.name: part for part in _parts(learnable) for layer in part}
        self._moments: dict[str, Moments] = {}
        self._learned: dict[tuple[str, DType], QuantizedWeights] = {}

    def weights(self, layer: Layer, dtype: DType) -> QuantizedWeights | None:
        """The integers of a layer; None where nearest ones have to do.

        That is with more than `MOST_BITS`, and for layers that share their weights with others,
        transposed convolutions, products with several matrices, and layers whose moments would
        take too much memory.
        """
        if dtype.bits > MOST_BITS or layer.name not in self._parts:
            return None
        key = layer.name, dtype
        if key not in self._learned:
            moments = self._moments_of(layer)
            say(self._progress, f"rounding {layer.name} to {dtype}")
            weights = self._graph.constants[layer.weights]
            corrected = layer.name in self._corrected
            matrix = damped(moments, central=corrected)
            self._learned[key] = learn_weights(layer, weights, matrix, dtype, self._method)
        return self._learned[key]

    def _moments_of(self, layer: Layer) -> Moments:
        if layer.name not in self._moments:
            part = self._parts[layer.name]
            self._moments.clear()
            self._moments = layer_moments(
                self._graph, part, self._samples, self._target, self._progress
            )
        return self._moments[layer.name]


def learn_weights(
    layer: Layer, weights: Array, moments: Array, dtype: DType, method: WeightMethod
) -> QuantizedWeights:
    """The integers of one layer.

    Args:
        weights: f32, of the layer's shape.
        moments: of what its products read, positive definite, [groups, inputs, inputs].
        method: what chooses the scales that learning starts from.
    """
    products = product_weights(layer, weights)
    scales = weight_scales(weights, layer.axis, dtype, method).reshape(len(products), 1, -1)
    integers, scales = learn_rounding(products, scales, moments, *weight_range(dtype))
    stored = layer_layout(layer, integers).astype(np.int32).astype(dtype.numpy)
    return QuantizedWeights(stored, scales.reshape(-1), layer.axis)


def damped(moments: Moments, central: bool) -> Array:
    """Covariances, or second moments, with larger variances: positive definite.

    Args:
        central: covariances, for layers whose bias takes up the mean error.
    """
    mean, covariance = moments.mean, moments.covariance
    squares = covariance + mean[:, :, None] * mean[:, None, :]
    matrix = covariance if central else squares
    least = LEAST_VARIANCE * _mean_diagonal(squares) + np.float32(1e-30)
    added = DAMPING * _mean_diagonal(matrix) + least
    result: Array = matrix + added[:, None, None] * np.eye(matrix.shape[1], dtype=np.float32)
    return result


def _mean_diagonal(matrix: Array) -> Array:
    result: Array = np.trace(matrix, axis1=1, axis2=2) / np.float32(matrix.shape[1])
    return result


def _parts(layers: Sequence[Layer]) -> list[list[Layer]]:
    """The layers in runs whose moments take at most `HELD_BYTES`, or single ones."""
    parts: list[list[Layer]] = []
    held = HELD_BYTES
    for layer in layers:
        held += moment_bytes(layer)
        if held > HELD_BYTES:
            parts.append([])
            held = moment_bytes(layer)
        parts[-1].append(layer)
    return parts
