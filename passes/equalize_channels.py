"""Even out the ranges of channels between two convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from graphopt.ir import Array, Graph, Node, Value
from graphopt.ops import Conv, LeakyRelu, Relu
from graphopt.rewrite import Pass

# Each sweep evens out one pair after the other; chains of them settle within a few.
SWEEPS = 10
# Logarithms to base 2 of the smallest and the largest factor.
EXPONENT = 12


@dataclass(frozen=True)
class EqualizeChannels(Pass):
    """conv(act(conv(x, w1, b1)), w2) becomes conv(act(conv(x, w1 / s, b1 / s)), s w2).

    One factor s > 0 for each channel between makes the largest weights on both sides equal, so
    that one scale serves all channels of the activation (Nagel et al., "Data-Free Quantization
    Through Weight Equalization and Bias Correction", 2019, arXiv 1906.04721, section 4.1:
    s = sqrt(r1 r2) / r2). Exact where act is nothing, relu or leaky relu, which commute with
    positive factors; s is a power of two, by which floats are scaled without rounding.
    """

    name = "equalize-channels"

    def run(self, graph: Graph) -> Graph:
        pairs = list(_pairs(graph))
        constants = dict(graph.constants)
        changed = False
        for _ in range(SWEEPS):
            settled = True
            for first, second in pairs:
                exponents = _exponents(
                    constants[first.inputs[1]], constants[second.inputs[1]], _groups(second)
                )
                if not exponents.any():
                    continue
                settled, changed = False, True
                for value in first.inputs[1:]:
                    constants[value] = _scaled(constants[value], -exponents, 0)
                weights = constants[second.inputs[1]]
                constants[second.inputs[1]] = _scale_inputs(weights, exponents, _groups(second))
            if settled:
                break
        return replace(graph, constants=constants) if changed else graph


def _pairs(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """Convolutions that only one other one reads, through nothing but a homogeneous function."""
    users, outputs = graph.users(), set(graph.outputs)

    def only_reader(value: Value) -> Node | None:
        readers = users.get(value, [])
        return readers[0] if len(readers) == 1 and value not in outputs else None

    def owns_constants(node: Node | None) -> bool:
        if node is None or not isinstance(node.op, Conv) or node.op.layout != "NCHW":
            return False
        own = node.inputs[1:]
        return all(v in graph.constants and only_reader(v) is node for v in own)

    for node in graph.nodes:
        reader = only_reader(node.outputs[0]) if owns_constants(node) else None
        if reader is not None and (
            isinstance(reader.op, Relu)
            or (isinstance(reader.op, LeakyRelu) and reader.op.alpha > 0)
        ):
            reader = only_reader(reader.output)
        if reader is not None and owns_constants(reader) and reader.inputs[0] not in node.inputs:
            yield node, reader


def _groups(node: Node) -> int:
    assert isinstance(node.op, Conv)
    return node.op.groups


def _exponents(first: Array, second: Array, groups: int) -> Array:
    """log2 of the factor of each channel between two weights; 0 for channels without weights."""
    before = np.abs(first).reshape(first.shape[0], -1).max(axis=1)
    after = np.abs(second).reshape(groups, -1, second.shape[1], second[0, 0].size)
    ranges = after.max(axis=(1, 3)).reshape(-1)
    live = (before > 0) & (ranges > 0)
    ratio = np.where(live, before, 1) / np.where(live, ranges, 1)
    exponents: Array = np.clip(np.rint(0.5 * np.log2(ratio)), -EXPONENT, EXPONENT).astype(np.int32)
    return exponents


def _scaled(array: Array, exponents: Array, axis: int) -> Array:
    """The array times 2 to the power of an exponent per index of `axis`."""
    shape = [-1 if i == axis else 1 for i in range(array.ndim)]
    scaled: Array = np.ldexp(array, exponents.reshape(shape)).astype(array.dtype)
    return scaled


def _scale_inputs(weights: Array, exponents: Array, groups: int) -> Array:
    """The weights [O, I/groups, ...] times a power of two per input channel."""
    outputs, inputs = weights.shape[:2]
    split = weights.reshape(groups, outputs // groups, inputs, -1)
    scaled = np.ldexp(split, exponents.reshape(groups, 1, inputs, 1)).astype(weights.dtype)
    result: Array = scaled.reshape(weights.shape)
    return result
