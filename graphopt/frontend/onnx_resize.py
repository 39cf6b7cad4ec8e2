"""Resize and the older Upsample."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import Value
from graphopt.ops.resize import Coordinates, Nearest, ResizeMode


def upsample(call: Call) -> Value:
    """Upsample (opsets 7 to 9): scales are an attribute before opset 9, then an input."""
    if call.opset < 9:
        scales = call.numbers("scales")
    else:
        scales = tuple(float(s) for s in call.known(1, "scales").reshape(-1))
    return _resize(call, scales, None, "asymmetric", "floor")


def resize(call: Call) -> Value:
    """Resize; in opset 10 its coordinates are always asymmetric."""
    if call.opset < 11:
        scales = tuple(float(s) for s in call.known(1, "scales").reshape(-1))
        return _resize(call, scales, None, "asymmetric", "floor")
    given = call.known(2, "scales").reshape(-1) if call.has(2) else np.zeros(0)
    sizes = call.known_ints(3, "sizes") if call.has(3) else ()
    coordinates = call.string("coordinate_transformation_mode", "half_pixel")
    if coordinates not in get_args(Coordinates):
        raise call.unsupported(
            f"coordinates: expected {get_args(Coordinates)}, found {coordinates}"
        )
    nearest = call.string("nearest_mode", "round_prefer_floor")
    if nearest not in get_args(Nearest):
        raise call.invalid(f"nearest_mode: expected {get_args(Nearest)}, found {nearest!r}")
    return _resize(
        call,
        tuple(float(s) for s in given) or None,
        sizes or None,
        cast(Coordinates, coordinates),
        cast(Nearest, nearest),
    )


def _resize(
    call: Call,
    scales: tuple[float, ...] | None,
    sizes: tuple[int, ...] | None,
    coordinates: Coordinates,
    nearest: Nearest,
) -> Value:
    x = call.input(0)
    dims, rank = x.type.dims, x.type.rank
    axes = [call.axis(a, rank) for a in call.integers("axes", range(rank))]
    if sizes is None and scales is None or len(sizes or scales or ()) != len(axes):
        raise call.invalid(f"scales or sizes: expected {len(axes)}, found {sizes or scales}")
    shape, factors = list(dims), [1.0] * rank
    if sizes is not None:
        policy = call.string("keep_aspect_ratio_policy", "stretch")
        ratios = [size / dims[a] for a, size in zip(axes, sizes, strict=True)]
        if policy != "stretch":
            ratio = min(ratios) if policy == "not_larger" else max(ratios)
            ratios = [ratio] * len(axes)
            sizes = tuple(int(np.floor(ratio * dims[a] + 0.5)) for a in axes)
        for axis, size, ratio in zip(axes, sizes, ratios, strict=True):
            shape[axis], factors[axis] = size, ratio
    else:
        for axis, scale in zip(axes, scales or (), strict=True):
            # In f32, as ONNX Runtime: 6 * f32(5/6) is 5 there, just below it in f64.
            size = int(np.floor(np.float32(scale) * np.float32(dims[axis])))
            shape[axis], factors[axis] = size, scale
    mode = call.string("mode", "nearest")
    if mode not in get_args(ResizeMode):
        raise call.invalid(f"mode: expected one of {get_args(ResizeMode)}, found {mode!r}")
    op = ops.Resize(
        shape=tuple(shape),
        scales=tuple(factors),
        mode=cast(ResizeMode, mode),
        coordinates=coordinates,
        nearest=nearest,
        cubic=call.number("cubic_coeff_a", -0.75),
        exclude_outside=bool(call.integer("exclude_outside", 0)),
        antialias=bool(call.integer("antialias", 0)),
        extrapolation=call.number("extrapolation_value", 0.0),
        roi=_region(call, axes, rank) if coordinates == "tf_crop_and_resize" else (),
    )
    return call.emit(op, x)


def _region(call: Call, axes: list[int], rank: int) -> tuple[float, ...]:
    given = [float(r) for r in call.known(1, "roi").reshape(-1)]
    if len(given) != 2 * len(axes):
        raise call.invalid(f"roi: expected {2 * len(axes)} numbers, found {given}")
    starts, ends = [0.0] * rank, [1.0] * rank
    for i, axis in enumerate(axes):
        starts[axis], ends[axis] = given[i], given[len(axes) + i]
    return (*starts, *ends)


IMPORTERS: dict[str, Import] = {
    "Resize": resize,
    "Upsample": upsample,
}
