"""Searched plans of real networks: the memory that they need, with nothing computed twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graphopt
from graphopt.ir import Graph
from graphopt.ops import Conv
from graphopt.patching.limits import Limits
from graphopt.patching.search import search_plan
from graphopt.targets import load_target

from ..frontend.shared_models import FOLDER
from ..patching.regions import GraphBuilder

TARGET = load_target("cortex-m7", 1)
CHAINS = FOLDER.parent / "chains" / "msf_cnn.json"


def model(name: str) -> Graph:
    path = FOLDER / "onnx" / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return graphopt.compile(path, stop_after="fused")


def chain(name: str) -> Graph:
    """A chain of msf-CNN's evaluation (TinyPART/msf-CNN), with random weights."""
    if not CHAINS.exists():
        pytest.skip(f"{Path(CHAINS).name} is not here")
    layers = json.loads(CHAINS.read_text())["chains"][name]
    build = GraphBuilder(np.random.default_rng(0))
    height, width, channels = layers[0][3:6]
    x = build.input(1, height, width, channels)
    for kernel, stride, depthwise, rows, _, channels, out, out_rows, _ in layers:
        padding = max((out_rows - 1) * stride + kernel - rows, 0)
        before, after = padding // 2, padding - padding // 2
        groups = channels if depthwise else 1
        pads = (before, before, after, after)
        op = Conv((stride, stride), pads, (1, 1), groups, "NHWC")
        x = build.conv(x, out, (kernel, kernel), op)
    return build.graph(x)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("kws_dscnn_int8_qdq", 7_999),
        pytest.param("vww96_mobilenetv1_int8_qdq", 24_000, marks=pytest.mark.slow),
        pytest.param("mcunet_vww80_int8_qdq", 30_000, marks=pytest.mark.slow),
        pytest.param("mcunet_in3_int8_qdq", 100_000, marks=pytest.mark.slow),
        pytest.param("mobilenetv2_imagenet_int8_qdq", 130 << 10, marks=pytest.mark.slow),
    ],
)
def test_streamed_and_nothing_computed_twice(name: str, most: int) -> None:
    found = search_plan(model(name), TARGET, Limits(macs=1.0), stream_input=True)
    assert found.macs == 1.0
    assert found.arena <= most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "macs", "most"),
    [
        ("mbv2_w035_r144", 1.0, 25_000),
        ("mcunetv2_vww_5fps_r80", None, 15_400),
    ],
)
def test_chains_of_msf_cnn(name: str, macs: float | None, most: int) -> None:
    """Counted as in msf-CNN: network input and final output aside."""
    graph = chain(name)
    outside = (*graph.inputs, *graph.outputs)
    assert search_plan(graph, TARGET, Limits(macs=macs), outside=outside).arena <= most
