"""How far the outputs of a changed network are from those of the float one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphopt.errors import InputError
from graphopt.ir import Array, Graph, Value
from graphopt.ops import Identity, Reshape, Softmax, Transpose
from graphopt.quantization.evaluate import Outputs

Loss = Callable[[Sequence[Outputs]], float]
Metric = Callable[[Sequence[Outputs], Sequence[Any]], float]
# The smallest probability that is told from zero.
LEAST_PROBABILITY = 1e-9
# Many changes leave a metric as it is; this much of the output's error then tells them apart.
OUTPUT_SHARE = 1e-3


class OutputLoss:
    """The mean distance between outputs and the float network's own, over samples and outputs.

    The distance of an output is

    - Kullback-Leibler divergence from the float network, in nats, where a softmax computes it:
      the mean of sum(p log(p / q)) over the distributions that it holds;
    - the share of unequal elements, for integers and booleans;
    - else the energy of the error by the energy of the signal, |y - r|^2 / mean |r|^2, the mean
      over all samples: one by the signal-to-quantization-noise ratio.

    Args:
        graph: where the outputs come from.
        reference: the float network's outputs for each sample.
    """

    def __init__(self, graph: Graph, reference: Sequence[Outputs]) -> None:
        self._reference = reference
        self._distances = [
            _distance(graph, value, [sample[i] for sample in reference])
            for i, value in enumerate(graph.outputs)
        ]

    def __call__(self, found: Sequence[Outputs]) -> float:
        """The loss of the outputs for the same samples.

        Raises:
            InputError: the outputs are of another number of samples.
        """
        return float(np.mean(self.of_each(found)))

    def of_each(self, found: Sequence[Outputs]) -> Array:
        """The loss of each sample, f64; see `__call__`."""
        if len(found) != len(self._reference):
            raise InputError(
                "outputs", f"expected {len(self._reference)} samples, found {len(found)}"
            )
        losses = [
            [
                distance(r, y)
                for distance, r, y in zip(self._distances, references, outputs, strict=True)
            ]
            for references, outputs in zip(self._reference, found, strict=True)
        ]
        means: Array = np.mean(losses, axis=1)
        return means


class MetricLoss:
    """What a network loses of a user's metric, of which more is better.

    A thousandth of the output's error is added, for many changes leave a metric like accuracy
    as it is. A network that gains loses nothing.

    Args:
        metric: a number from the outputs for all samples and from `labels`, one per sample.
        reference: the float network's outputs for each sample.

    Raises:
        InputError: there are not as many labels as samples.
    """

    def __init__(
        self, metric: Metric, labels: Sequence[Any], graph: Graph, reference: Sequence[Outputs]
    ) -> None:
        if len(labels) != len(reference):
            raise InputError("labels", f"expected {len(reference)}, found {len(labels)}")
        self._metric = metric
        self._labels = labels
        self._best = metric(reference, labels)
        self._output = OutputLoss(graph, reference)

    def __call__(self, found: Sequence[Outputs]) -> float:
        lost = self._best - self._metric(found, self._labels)
        return max(lost, 0.0) + OUTPUT_SHARE * self._output(found)


def _distance(
    graph: Graph, output: Value, reference: Sequence[Array]
) -> Callable[[Array, Array], float]:
    if not output.type.dtype.is_float:
        return lambda r, y: float(np.mean(r != y))
    if _holds_probabilities(graph, output):
        return _divergence
    energy = float(np.mean([np.sum(np.square(r, dtype=np.float64)) for r in reference]))
    scale = 1 / energy if energy > 0 else 1.0
    return lambda r, y: scale * float(np.sum(np.square(np.subtract(y, r, dtype=np.float64))))


def _divergence(p: Array, q: Array) -> float:
    p, q = (np.maximum(each.astype(np.float64), LEAST_PROBABILITY) for each in (p, q))
    # The sum of p is the number of distributions, each of which sums to one.
    return float(np.sum(p * np.log(p / q)) / np.sum(p))


def _holds_probabilities(graph: Graph, value: Value) -> bool:
    producers = graph.producers()
    node = producers.get(value)
    while node is not None and isinstance(node.op, Reshape | Transpose | Identity):
        node = producers.get(node.inputs[0])
    return node is not None and isinstance(node.op, Softmax)
