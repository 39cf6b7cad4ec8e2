"""GridSample, RoiAlign and DeformConv: convolution and resampling at computed places."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.sampling import (
    Interpolation,
    Padding,
    Tap,
    axis_taps,
    clamp,
    own_image,
    pixel_rows,
    read_taps,
)
from graphopt.ir import Array, DType, Value
from graphopt.ops import And, GreaterOrEqual, LessOrEqual

_MODES: dict[str, Interpolation] = {
    "nearest": "nearest",
    "linear": "linear",
    "bilinear": "linear",
    "cubic": "cubic",
    "bicubic": "cubic",
}
_PADDINGS: dict[str, Padding] = {
    "zeros": "zeros",
    "border": "border",
    "reflection": "reflection",
}


def grid_sample(call: Call) -> Value:
    """Inputs: x [N, C, *size], grid [N, *out, axes]: places from -1 to 1, the last axis first."""
    c = Compose(call.builder)
    x, grid = call.input(0), call.input(1)
    if x.type.rank < 3:
        raise call.invalid(f"x: expected rank 3 or more, found {x.type}")
    mode = call.string("mode", "linear" if call.opset >= 20 else "bilinear")
    padding = call.string("padding_mode", "zeros")
    if mode not in _MODES or padding not in _PADDINGS:
        raise call.invalid(f"mode and padding_mode: found {mode!r} and {padding!r}")
    align = bool(call.integer("align_corners", 0))
    n, channels, *size = x.type.dims
    out = grid.type.dims[1:-1]
    if grid.type.rank != x.type.rank or grid.type.dims[-1] != len(size) or grid.type.dims[0] != n:
        raise call.invalid(f"grid: expected one that fits {x.type}, found {grid.type}")
    points = math.prod(out)
    flat = c.reshape(c.cast(grid, _coordinate_type(grid)), (n, points, len(size)))
    taps = []
    for axis, extent in enumerate(size):
        g = c.index(flat, 2, len(size) - 1 - axis)
        if align:
            at = c.mul(c.div(c.add(g, 1), 2), extent - 1)
        else:
            at = c.div(c.sub(c.mul(c.add(g, 1), extent), 1), 2)
        limits = (0.0, extent - 1.0) if align else (-0.5, extent - 0.5)
        taps.append(axis_taps(c, at, extent, _MODES[mode], _PADDINGS[padding], limits))
    y = reduce(c.add, read_taps(c, pixel_rows(c, x), own_image(c, n), size, taps))
    return c.reshape(c.swap(y, 1, 2), (n, channels, *out))


def _coordinate_type(coordinates: Value) -> DType:
    """At least f32: half precision cannot name the pixels of a large image."""
    return DType.F64 if coordinates.type.dtype is DType.F64 else DType.F32


def roi_align(call: Call) -> Value:
    """Inputs: x [N, C, H, W], rois [R, 4] as x1, y1, x2, y2, the image of each roi [R]."""
    c = Compose(call.builder)
    x, rois, images = call.ranked(0, 4), call.ranked(1, 2), call.ranked(2, 1)
    ratio = call.integer("sampling_ratio", 0)
    if ratio <= 0:
        raise call.unsupported(
            f"sampling_ratio: expected a positive number, found {ratio}",
            "an adaptive number of samples has no static shape; export with sampling_ratio=2",
        )
    kind = call.string("mode", "avg")
    default = "half_pixel" if call.opset >= 16 else "output_half_pixel"
    half_pixel = call.string("coordinate_transformation_mode", default) == "half_pixel"
    size = x.type.dims[2:]
    bins = (call.integer("output_height", 1), call.integer("output_width", 1))
    count = rois.type.dims[0]
    scaled = c.mul(c.cast(rois, _coordinate_type(rois)), call.number("spatial_scale", 1.0))
    if half_pixel:
        scaled = c.sub(scaled, 0.5)
    axes = []
    for axis in range(2):
        start = c.slice(scaled, 1, 1 - axis, 1)
        extent = c.sub(c.slice(scaled, 1, 3 - axis, 1), start)
        if not half_pixel:
            extent = c.max(extent, 1)
        step = c.div(extent, bins[axis])
        samples = bins[axis] * ratio
        centres = (np.arange(samples) // ratio) + (np.arange(samples) % ratio + 0.5) / ratio
        offsets = c.constant(centres.astype(step.type.dtype.numpy).reshape(1, samples))
        axes.append(c.add(start, c.mul(step, offsets)))
    rows, columns = (s * ratio for s in bins)
    grid = (count, rows, columns)
    spread = (
        c.expand(c.unsqueeze(axes[0], 2), grid),
        c.expand(c.unsqueeze(axes[1], 1), grid),
    )
    taps = [
        _roi_taps(c, c.reshape(at, (count, rows * columns)), extent)
        for at, extent in zip(spread, size, strict=True)
    ]
    image = c.reshape(c.cast(images, DType.I64), (count, 1))
    read = list(read_taps(c, pixel_rows(c, x), image, size, taps))
    y = reduce(c.max if kind == "max" else c.add, read)
    y = c.reshape(y, (count, bins[0], ratio, bins[1], ratio, x.type.dims[1]))
    y = c.reduce("max" if kind == "max" else "mean", y, (2, 4))
    return c.transpose(y, (0, 3, 1, 2))


def _roi_taps(c: Compose, at: Value, size: int) -> list[Tap]:
    """Linear, held at the border; more than a pixel outside counts as zero."""
    inside = c.apply(And(), c.binary(GreaterOrEqual(), at, -1), c.binary(LessOrEqual(), at, size))
    taps = axis_taps(c, clamp(c, at, 0, size - 1), size, "linear", "border", (0.0, size - 1.0))
    return [Tap(tap.index, tap.weight, inside) for tap in taps]


def deform_conv(call: Call) -> Value:
    """Inputs: x [N, C, H, W], weights, offsets [N, groups * K * 2, oh, ow], bias?, mask?."""
    c = Compose(call.builder)
    x, w, offset = call.input(0), call.ranked(1, 4), call.ranked(2, 4)
    bias, mask = call.optional(3), call.optional(4)
    if x.type.rank != 4:
        raise call.unsupported(f"x: expected two spatial dimensions, found {x.type}")
    n, channels, *size = x.type.dims
    outs, per_group, *kernel = w.type.dims
    groups, offset_groups = call.integer("group", 1), call.integer("offset_group", 1)
    strides, dilations = call.integers("strides", (1, 1)), call.integers("dilations", (1, 1))
    pads = call.integers("pads", (0, 0, 0, 0))
    oh, ow = offset.type.dims[2:]
    window, pixels = math.prod(kernel), oh * ow
    shifts = c.reshape(offset, (n * offset_groups, window, 2, oh, ow))
    taps = []
    for axis in range(2):
        at = c.add(
            c.index(shifts, 2, axis),
            c.constant(_window_grid(axis, kernel, (oh, ow), strides, dilations, pads[axis], x)),
        )
        at = c.reshape(at, (n * offset_groups, window * pixels))
        taps.append(axis_taps(c, at, size[axis], "linear", "zeros", (0.0, size[axis] - 1.0)))
    each = channels // offset_groups
    images = c.reshape(x, (n * offset_groups, each, *size))
    read = read_taps(c, pixel_rows(c, images), own_image(c, n * offset_groups), size, taps)
    columns = reduce(c.add, read)
    if mask is not None:
        columns = c.mul(columns, c.reshape(mask, (n * offset_groups, window * pixels, 1)))
    columns = c.reshape(columns, (n, offset_groups, window, pixels, each))
    columns = c.transpose(columns, (0, 1, 4, 2, 3))
    columns = c.reshape(columns, (n, groups, per_group * window, pixels))
    weights = c.reshape(w, (groups, outs // groups, per_group * window))
    y = c.reshape(c.matmul(weights, columns), (n, outs, oh, ow))
    return y if bias is None else c.add(y, c.reshape(bias, (outs, 1, 1)))


def _window_grid(
    axis: int,
    kernel: list[int],
    out: tuple[int, int],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    pad: int,
    like: Value,
) -> Array:
    """[K, oh, ow]: the coordinate along `axis` of each tap of each window, without offsets."""
    taps = np.indices(kernel)[axis].reshape(-1, 1, 1) * dilations[axis]
    starts = np.indices(out)[axis][None] * strides[axis] - pad
    return np.asarray(taps + starts).astype(like.type.dtype.numpy)


IMPORTERS: dict[str, Import] = {
    "DeformConv": deform_conv,
    "GridSample": grid_sample,
    "RoiAlign": roi_align,
}
