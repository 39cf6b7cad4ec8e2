"""Convolve once where several narrow kernels meet the same image."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from graphopt.analysis.cost import joining_pays
from graphopt.instruments import current
from graphopt.ir import Array, Graph, Node, TensorType, Value
from graphopt.ops import Conv
from graphopt.passes.fuse_parallel_matmuls import join, joined_constant, replaced, siblings
from graphopt.rewrite import Pass


@dataclass(frozen=True)
class FuseParallelConvs(Pass):
    """conv(x, a) and conv(x, b) become slices of conv(x, [a b]), for constant weights a and b.

    For convolutions of equal attributes and kernel sizes in one group, where it pays: see
    `analysis.cost.joining_pays`. `lanes` is the number of output channels in a vector.
    """

    name = "fuse-parallel-convs"
    lanes: int = 8

    def run(self, graph: Graph) -> Graph:
        def key(node: Node) -> Hashable:
            if not isinstance(node.op, Conv) or node.op.groups > 1:
                return None
            if any(value not in graph.constants for value in node.inputs[1:]):
                return None
            weights = node.inputs[1].type
            return (node.inputs[0], node.op, weights.dtype, weights.shape[1:])

        constants = dict(graph.constants)
        joined: dict[Node, list[Node]] = {}
        for members in siblings(graph, key):
            first = members[0]
            assert isinstance(first.op, Conv)
            axis = 1 if first.op.layout == "NCHW" else first.output.type.rank - 1
            widths = [node.inputs[1].type.dims[0] for node in members]
            places = first.output.type.elements // widths[0]
            depth = math.prod(first.inputs[1].type.dims[1:])
            if not joining_pays(places, depth, widths, self.lanes):
                reason = f"joining {widths} output channels saves less than the slices cost"
                current().reject(self.name, str(first), reason)
                continue
            weights = joined_constant([node.inputs[1] for node in members], 0, constants)
            biases = [_bias(node, constants) for node in members]
            bias = joined_constant(biases, 0, constants)
            joined |= join(members, (first.inputs[0], weights, bias), axis, widths)
        return replaced(graph, joined, constants)


def _bias(node: Node, constants: dict[Value, Array]) -> Value:
    """The bias of a convolution; zeros where it has none."""
    if len(node.inputs) == 3:
        return node.inputs[2]
    zeros = np.zeros(node.inputs[1].type.dims[0], node.output.type.dtype.numpy)
    value = Value(f"{node.output.name}.bias", TensorType.of(zeros))
    constants[value] = zeros
    return value
