"""Advice on halos, against cases that are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.ir import Graph
from graphopt.ops import Conv, Patched
from graphopt.patching.advice import advise, halos, repetitions
from graphopt.patching.firings import Firings, fire

from .regions import GraphBuilder

# Of an element of a map with 2 channels, from 3 x 3 elements with 2 channels.
MACS = 3 * 3 * 2 * 2


def conv(stride: int = 1, pad: int = 1) -> Conv:
    return Conv((stride, stride), (pad,) * 4, (1, 1), 1, "NHWC")


def chain(size: int, *strides: int) -> GraphBuilder:
    """Convolutions of 3 x 3 on a map of two channels."""
    build = GraphBuilder(np.random.default_rng(0))
    value = build.input(1, size, size, 2)
    for stride in strides:
        value = build.conv(value, 2, (3, 3), conv(stride))
    return build


def region(
    build: GraphBuilder, tile: tuple[int, int], keep: bool, streamed: tuple[int, ...] = ()
) -> Firings:
    """All that was built, run by tiles, its inner maps by rows or by tiles."""
    nodes = tuple(build.nodes)
    body = Graph("region", (*build.inputs, *build.constants), nodes, (nodes[-1].output,))
    rows = (1 if keep else 99,) * len(nodes)
    return fire(Patched(body, tile, rows, (keep,) * len(nodes), streamed))


def test_patches_repeat_what_their_windows_share() -> None:
    # Tiles [0,3) and [3,6) need rows [0,4) and [2,6): 8 of 6 rows, 64 of 36 elements.
    firings = region(chain(6, 1, 1), (3, 3), keep=False)
    inner, last = firings.op.body.nodes
    assert repetitions(firings) == {inner: pytest.approx(64 / 36), last: 1}
    worst, other = halos(firings)
    assert (worst.layer.node, other.layer.node) == (last, inner)
    assert (worst.recomputed_macs, worst.held_bytes) == ((64 - 36) * MACS, 0)
    # The input, cut into strips, is copied once: two of 5 rows by 5 columns stay for the next tile.
    assert (other.recomputed_macs, other.held_bytes) == (0, 2 * 5 * 2)


def test_a_smaller_kernel_in_patches() -> None:
    advice = advise(region(chain(6, 1, 1), (3, 3), keep=False))
    assert advice is not None
    (saving,) = advice.savings
    assert saving.what == "a kernel of 1x1 instead of 3x3"
    assert saving.recomputed_macs == (64 - 36) * MACS
    assert saving.macs == (64 - 36) * MACS + 36 * (MACS - 2 * 2)
    # Tiles of 3 x 3 instead of 4 x 4, from 4 x 4 instead of 5 x 5 of the input, 2 channels each.
    assert saving.buffer_bytes == 2 * (16 - 9) + 2 * (25 - 16)


def test_line_buffers_hold_what_windows_share() -> None:
    firings = region(chain(6, 1, 1), (1, 6), keep=True)
    (halo,) = halos(firings)
    assert halo.layer.node is firings.op.body.nodes[1]
    # Two of three rows of 6 elements.
    assert (halo.recomputed_macs, halo.held_bytes) == (0, 2 * 6 * 2)
    advice = advise(firings)
    assert advice is not None
    (saving,) = advice.savings
    assert (saving.recomputed_macs, saving.buffer_bytes) == (0, 2 * 6 * 2)
    assert saving.macs == 36 * (MACS - 2 * 2)


def test_streamed_inputs_have_halos_too() -> None:
    firings = region(chain(6, 1, 1), (1, 6), keep=True, streamed=(0,))
    assert [halo.held_bytes for halo in halos(firings)] == [24, 24]


def test_a_later_stride() -> None:
    # Rows of the last map [0,2) and [2,4) need [0,3) and [1,4), and these [0,6) and [1,8).
    advice = advise(region(chain(8, 1, 2, 1), (2, 2), keep=False))
    assert advice is not None
    executed = (13 * 13 + 6 * 6 + 16) * MACS
    assert advice.halo.recomputed_macs == round((13 * 13 + 6 * 6) * MACS * (1 - 16 / 36))
    smaller, later = advice.savings
    assert smaller.macs == executed - ((9 * 9 + 16) * MACS + 16 * 4)
    assert later.what == "the stride of t1 (2x2) in t2 instead"
    # With the stride in the last layer they need [0,4) and [3,8), and these [0,5) and [2,8).
    assert later.macs == executed - (11 * 11 + 9 * 9 + 16) * MACS
    extra, other = (13 * 13 - 64 + 6 * 6 - 16) * MACS, (11 * 11 - 64 + 9 * 9 - 64) * MACS
    assert later.recomputed_macs == extra - other


def test_layers_without_overlap_have_no_halo() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    value = build.input(1, 6, 6, 2)
    for kernel, stride in ((1, 1), (2, 2)):
        value = build.conv(value, 2, (kernel, kernel), conv(stride, pad=0))
    assert advise(region(build, (1, 3), keep=True)) is None


def test_the_worst_layer_comes_first() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    value = build.input(1, 12, 12, 2)
    value = build.conv(value, 2, (3, 3), conv())
    value = build.conv(value, 2, (5, 5), conv(pad=2))
    build.conv(value, 2, (3, 3), conv())
    firings = region(build, (1, 12), keep=True)
    ranked = halos(firings)
    assert [halo.layer.kernel for halo in ranked] == [(5, 5), (3, 3)]
    assert [halo.held_bytes for halo in ranked] == [4 * 12 * 2, 2 * 12 * 2]
    advice = advise(firings)
    assert advice is not None
    assert advice.savings[0].what == "a kernel of 3x3 instead of 5x5"
    assert advice.savings[0].buffer_bytes == 2 * 12 * 2
