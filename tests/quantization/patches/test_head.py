"""Where heads end, what their patches are, and networks without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt.analysis.axis_maps import Span
from graphopt.errors import OptionError
from graphopt.quantization.patches.head import Grid, find_head
from graphopt.text import parse_graph

from .networks import network


def test_grids_as_text() -> None:
    assert Grid.parse("4x3") == Grid(4, 3)
    assert str(Grid.parse("2x2@conv 5")) == "2x2@conv 5"
    for text in ("4", "4x", "0x4", "4x4@", "x"):
        with pytest.raises(OptionError, match="patches: expected ROWSxCOLUMNS"):
            Grid.parse(text)


def test_patches_cover_the_map_once() -> None:
    assert Grid(2, 2).rectangles(5, 4) == (
        (Span(0, 2), Span(0, 2)),
        (Span(0, 2), Span(2, 4)),
        (Span(2, 5), Span(0, 2)),
        (Span(2, 5), Span(2, 4)),
    )


def test_the_head_ends_with_the_smallest_map() -> None:
    head = find_head(network(), Grid(2, 2))
    assert head.output.name == "6"
    assert len(head.tiles) == 4


def test_a_named_end() -> None:
    head = find_head(network(), Grid(2, 2, "1"))
    assert [node.op.name for node in head.body.nodes] == ["conv", "relu"]
    # The first 4 rows of stride 2 with 3 taps and no padding before them.
    assert head.rectangles[0]["image"] == (Span(0, 9), Span(0, 9))
    assert head.rectangles[3]["image"] == (Span(8, 16), Span(8, 16))


def test_multiplications_with_halos() -> None:
    head = find_head(network(), Grid(2, 2, "6"))
    depthwise = 8 * 9
    assert head.macs("2") == (16 * depthwise,) * 4
    # The depthwise convolution reads a halo of one row and column.
    assert head.macs("0") == (25 * 8 * 27,) * 4


def test_the_residual_holds_what_both_branches_read() -> None:
    assert find_head(network(), Grid(2, 2, "6")).rectangles[0]["1"] == (Span(0, 5), Span(0, 5))


@pytest.mark.parametrize("name", ["0", "3", "4", "7", "nothing"])
def test_maps_that_not_everything_passes_through(name: str) -> None:
    with pytest.raises(OptionError, match=f"everything passes through, found {name}"):
        find_head(network(), Grid(2, 2, name))


def test_more_patches_than_rows() -> None:
    with pytest.raises(OptionError, match="expected at most 8x8 of 6, found 9x2@6"):
        find_head(network(), Grid(9, 2, "6"))
    with pytest.raises(OptionError, match="found none"):
        find_head(network(), Grid(9, 2))


def test_an_operator_that_needs_the_whole_map() -> None:
    graph = parse_graph(
        "graph g(%x: f32[1,2,8,8]) {\n"
        "  %w: f32[2,2,1,1] = constant(#0)\n"
        "  %0: f32[1,2,8,8] = softmax(%x) {axis = 2}\n"
        "  %1: f32[1,2,8,8] = relu(%0)\n"
        "  %2: f32[1,2,8,8] = conv(%1, %w) "
        "{strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}\n"
        "  return %2 as y\n}",
        {"0": np.ones((2, 2, 1, 1), np.float32)},
    )
    with pytest.raises(OptionError, match="cannot run in patches: softmax"):
        find_head(graph, Grid(2, 2, "1"))


def test_no_image() -> None:
    graph = network()
    second = replace(graph, inputs=(*graph.inputs, replace(graph.inputs[0], name="other")))
    with pytest.raises(OptionError, match="expected operators behind an image"):
        find_head(second, Grid(2, 2))
