"""Regions with other windows: sizes of maps, and what can not be changed."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.ir import Graph, Value
from graphopt.ops import Conv, Fused, MaxPool, Patched
from graphopt.patching.firings import fire
from graphopt.patching.redesign import later_stride, layer, smaller_kernel

from .regions import GraphBuilder

Pads = tuple[int, int, int, int]


def single(kernel: int, stride: int, pads: Pads, dilation: int = 1) -> Patched:
    build = GraphBuilder(np.random.default_rng(0))
    op = Conv((stride, stride), pads, (dilation, dilation), 1, "NHWC")
    return region(build, build.conv(build.input(1, 13, 13, 2), 4, (kernel, kernel), op))


def region(build: GraphBuilder, output: Value) -> Patched:
    nodes = tuple(build.nodes)
    body = Graph("region", (*build.inputs, *build.constants), nodes, (output,))
    each = len(nodes)
    return Patched(body, (1, output.type.dims[2]), (1,) * each, (True,) * each)


@pytest.mark.parametrize(
    ("kernel", "stride", "pads", "dilation", "expected", "padded"),
    [
        (3, 1, (1, 1, 1, 1), 1, 1, (0, 0, 0, 0)),
        (5, 1, (2, 2, 2, 2), 1, 3, (1, 1, 1, 1)),
        (3, 2, (0, 0, 1, 1), 1, 2, (0, 0, 0, 0)),
        (3, 2, (1, 1, 1, 1), 1, 2, (1, 1, 0, 0)),
        (5, 1, (4, 4, 0, 0), 1, 3, (2, 2, 0, 0)),
        (3, 1, (2, 2, 2, 2), 2, 1, (0, 0, 0, 0)),
    ],
)
def test_smaller_kernels_keep_sizes(
    kernel: int, stride: int, pads: Pads, dilation: int, expected: int, padded: Pads
) -> None:
    op = single(kernel, stride, pads, dilation)
    found = layer(op.body.nodes[0])
    assert found is not None and found.kernel == (kernel, kernel)
    smaller = smaller_kernel(op, found)
    assert smaller is not None
    redesigned, size = smaller
    assert size == (expected, expected)
    (node,) = redesigned.body.nodes
    assert isinstance(node.op, Fused)
    conv = node.op.body.nodes[0]
    assert isinstance(conv.op, Conv)
    assert (conv.inputs[1].type.dims[2:], conv.op.pads) == (size, padded)
    assert redesigned.body.outputs[0].type == op.body.outputs[0].type
    assert redesigned.body.macs * kernel**2 == op.body.macs * expected**2
    fire(redesigned)


@pytest.mark.parametrize(
    ("kernel", "stride", "pads"), [(3, 1, (0, 0, 0, 0)), (2, 2, (0, 0, 0, 0)), (1, 2, (0, 0, 0, 0))]
)
def test_kernels_that_cannot_be_smaller(kernel: int, stride: int, pads: Pads) -> None:
    op = single(kernel, stride, pads)
    found = layer(op.body.nodes[0])
    assert found is not None
    assert smaller_kernel(op, found) is None


def test_pools_can_be_smaller() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    pool = MaxPool((3, 3), (2, 2), (1, 1, 1, 1), (1, 1), False, "NHWC")
    op = region(build, build.kernel([(pool, ())], build.input(1, 8, 8, 2)))
    found = layer(op.body.nodes[0])
    assert found is not None
    smaller = smaller_kernel(op, found)
    assert smaller is not None and smaller[1] == (2, 2)


def test_strides_move_to_the_next_window() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 8, 8, 2)
    strided = build.conv(x, 4, (3, 3), Conv((2, 2), (0, 0, 1, 1), (1, 1), 1, "NHWC"))
    point = build.conv(strided, 4, (1, 1), Conv((1, 1), (0, 0, 0, 0), (1, 1), 1, "NHWC"))
    last = build.conv(point, 2, (3, 3), Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC"))
    op = region(build, last)
    first = layer(op.body.nodes[0])
    assert first is not None
    later = later_stride(op, first)
    assert later is not None
    redesigned, following = later
    assert following.node is op.body.nodes[2]
    maps = [node.output.type.dims[1:3] for node in redesigned.body.nodes]
    assert maps == [(8, 8), (8, 8), (4, 4)]
    fire(redesigned)


def test_strides_stay_where_other_values_would_not_fit() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 8, 8, 2)
    same = Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC")
    strided = build.conv(x, 2, (3, 3), Conv((2, 2), (0, 0, 1, 1), (1, 1), 1, "NHWC"))
    op = region(build, build.sum(strided, build.conv(strided, 2, (3, 3), same)))
    first, last = layer(op.body.nodes[0]), layer(op.body.nodes[1])
    assert first is not None and last is not None
    assert later_stride(op, first) is None
    assert later_stride(op, last) is None
