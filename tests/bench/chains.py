"""The chains of layers that msf-CNN was evaluated on, with random weights, as graphs of kernels."""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from graphopt.ir import Graph
from graphopt.ops import Conv

from ..frontend.shared_models import FOLDER
from ..patching.regions import GraphBuilder

_FILE = FOLDER.parent / "chains" / "msf_cnn.json"


@cache
def chain(name: str) -> Graph:
    """A chain of 8-bit convolutions in NHWC, residual sums left out."""
    rows = json.loads(_FILE.read_text("utf-8"))["chains"][name]
    build = GraphBuilder(np.random.default_rng(0))
    _, _, _, height, width, channels, *_ = rows[0]
    x = build.input(1, height, width, channels)
    for kernel, stride, depthwise, height, width, channels, out, *made in rows:
        pads = [_padding(*axis, kernel, stride) for axis in zip((height, width), made, strict=True)]
        begins, ends = zip(*pads, strict=True)
        groups = channels if depthwise else 1
        op = Conv((stride, stride), (*begins, *ends), (1, 1), groups, "NHWC")
        x = build.conv(x, out, (kernel, kernel), op)
    return build.graph(x)


def _padding(size: int, out: int, kernel: int, stride: int) -> tuple[int, int]:
    """As even as it can be, the odd one at the end."""
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
