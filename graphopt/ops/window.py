"""Sliding windows: the arithmetic that convolutions and pools share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from graphopt.errors import TypeRuleError
from graphopt.ir import Array


def channels_first(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """`shape` with the channels moved to the second place."""
    return (shape[0], shape[-1], *shape[1:-1]) if layout == "NHWC" else shape


def channels_last(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """A channels-first `shape` in `layout`."""
    return (shape[0], *shape[2:], shape[1]) if layout == "NHWC" else shape


def output_size(
    name: str,
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    ceil: bool = False,
) -> tuple[int, ...]:
    """Spatial size of a windowed operator's output (ONNX: Conv, MaxPool).

    With `ceil`, a last window may hang over the end, but must start inside the input or
    its begin padding.

    Raises:
        TypeRuleError: the window is larger than the padded input.
    """
    spatial = len(size)
    result = []
    for i in range(spatial):
        room = size[i] + pads[i] + pads[spatial + i] - (kernel[i] - 1) * dilations[i] - 1
        if room < 0:
            raise TypeRuleError(
                name, f"window of {kernel[i]} exceeds the padded input in dimension {i}"
            )
        steps = -(-room // strides[i]) if ceil else room // strides[i]
        if ceil and steps * strides[i] >= size[i] + pads[i]:
            steps -= 1
        result.append(steps + 1)
    return tuple(result)


def windows(
    x: Array,
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    fill: float,
    count: Sequence[int] | None = None,
) -> Array:
    """A view [N, C, *out, *kernel] of the padded channels-first array `x`.

    `count` asks for this many windows per dimension, padding the end further as needed.
    """
    spatial = len(kernel)
    ends = list(pads[spatial:])
    if count is not None:
        for i in range(spatial):
            reach = (count[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
            ends[i] = max(ends[i], reach - x.shape[2 + i] - pads[i])
    widths = [(0, 0), (0, 0), *((pads[i], ends[i]) for i in range(spatial))]
    padded = np.pad(x, widths, constant_values=np.asarray(fill).astype(x.dtype))
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    view = sliding_window_view(padded, span, axis=tuple(range(2, 2 + spatial)))
    steps = tuple(slice(None, None, s) for s in strides)
    taps = tuple(slice(None, None, d) for d in dilations)
    view = view[(slice(None), slice(None), *steps, *taps)]
    if count is not None:
        view = view[(slice(None), slice(None), *(slice(0, c) for c in count))]
    return view
