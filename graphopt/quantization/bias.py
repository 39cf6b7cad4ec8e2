"""Biases that make up for what rounding the weights adds to a layer's output on average."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array, Graph
from graphopt.ops import MatMul
from graphopt.quantization.layers import Layer


def corrected_bias(graph: Graph, layer: Layer, mean: Array, weights: Array) -> Array:
    """The bias with which a layer's mean output is that of the float layer.

    The error of a linear layer is linear in its input, so that its mean over the samples is its
    value for the mean input: E[W' x] - E[W x] = (W' - W) E[x] (Nagel et al., "Data-Free
    Quantization Through Weight Equalization and Bias Correction", 2019, arXiv 1906.04721, section
    4.2). Padding is accounted for.

    Args:
        mean: the mean of the layer's input over the samples, of its shape.
        weights: the f32 weights that the layer computes with, of the shape of its own.

    Returns:
        One f32 number per output channel.
    """
    difference = weights - graph.constants[layer.weights]
    (error,) = layer.node.op.evaluate(mean.astype(np.float32), difference.astype(np.float32))
    axis = error.ndim - 1 if isinstance(layer.node.op, MatMul) else 1
    per_channel = error.mean(axis=tuple(i for i in range(error.ndim) if i != axis))
    corrected: Array = (own_bias(graph, layer) - per_channel).astype(np.float32)
    return corrected


def own_bias(graph: Graph, layer: Layer) -> Array:
    """The bias of the float layer, one f32 number per output channel."""
    assert layer.bias is not None
    array = graph.constants[layer.bias].reshape(-1)
    return np.broadcast_to(array, (layer.channels,))
