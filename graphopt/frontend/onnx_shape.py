"""Operators that move data."""

from __future__ import annotations

import math
from typing import Literal, cast, get_args

import numpy as np

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import TensorType, Value
from graphopt.ops.elementwise import broadcast_shapes
from graphopt.ops.shape import PadMode


def reshape(call: Call) -> Value:
    """Reshape: 0 keeps a size (unless `allowzero`), -1 takes what is left."""
    x = call.input(0)
    wanted = list(call.known_ints(1, "shape"))
    if not call.integer("allowzero", 0):
        if any(d == 0 and i >= x.type.rank for i, d in enumerate(wanted)):
            raise call.invalid(f"shape: expected no 0 beyond rank {x.type.rank}, found {wanted}")
        wanted = [x.type.dims[i] if d == 0 else d for i, d in enumerate(wanted)]
    return call.emit(ops.Reshape(_completed(call, x.type, wanted)), x)


def _completed(call: Call, x: TensorType, wanted: list[int]) -> tuple[int, ...]:
    if wanted.count(-1) > 1 or min(wanted, default=0) < -1:
        raise call.invalid(f"shape: expected sizes and at most one -1, found {wanted}")
    if -1 in wanted:
        rest = math.prod(d for d in wanted if d != -1)
        wanted[wanted.index(-1)] = x.elements // rest if rest else 0
    return tuple(wanted)


def flatten(call: Call) -> Value:
    """Flatten to two dimensions."""
    x = call.input(0)
    axis = call.integer("axis", 1)
    axis += x.type.rank if axis < 0 else 0
    dims = x.type.dims
    return call.emit(ops.Reshape((math.prod(dims[:axis]), math.prod(dims[axis:]))), x)


def _axes_argument(call: Call) -> tuple[int, ...] | None:
    """The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input from then on."""
    if call.opset >= 13:
        return call.known_ints(1, "axes") if call.has(1) else None
    return call.integers("axes") if call.has_attribute("axes") else None


def squeeze(call: Call) -> Value:
    """Squeeze."""
    x = call.input(0)
    axes = _axes_argument(call)
    if axes is None:
        gone = {i for i, d in enumerate(x.type.dims) if d == 1}
    else:
        gone = {call.axis(a, x.type.rank) for a in axes}
    wrong = [i for i in gone if x.type.dims[i] != 1]
    if wrong:
        raise call.invalid(f"axes: expected dimensions of size 1, found {wrong} of {x.type}")
    return call.emit(ops.Reshape(tuple(d for i, d in enumerate(x.type.dims) if i not in gone)), x)


def unsqueeze(call: Call) -> Value:
    """Unsqueeze."""
    x = call.input(0)
    axes = _axes_argument(call)
    if axes is None:
        raise call.invalid("axes: expected some, found none")
    rank = x.type.rank + len(axes)
    new = {call.axis(a, rank) for a in axes}
    if len(new) != len(axes):
        raise call.invalid(f"axes: expected distinct ones, found {axes}")
    dims = iter(x.type.dims)
    return call.emit(ops.Reshape(tuple(1 if i in new else next(dims) for i in range(rank))), x)


def transpose(call: Call) -> Value:
    """Transpose."""
    x = call.input(0)
    return call.emit(ops.Transpose(call.integers("perm", range(x.type.rank)[::-1])), x)


def expand(call: Call) -> Value:
    """Expand: both shapes broadcast."""
    x = call.input(0)
    shape = broadcast_shapes("Expand", x.type.shape, call.known_ints(1, "shape"))
    return call.emit(ops.Expand(tuple(int(d) for d in shape)), x)


def tile(call: Call) -> Value:
    """Tile."""
    return call.emit(ops.Tile(call.known_ints(1, "repeats")), call.input(0))


def concat(call: Call) -> Value:
    """Concat."""
    inputs = call.tensors()
    return call.emit(ops.Concat(call.axis(call.integer("axis", 1), inputs[0].type.rank)), *inputs)


def split(call: Call) -> tuple[Value, ...]:
    """Split: sizes are an attribute before opset 13, an input from then on."""
    x = call.input(0)
    axis = call.axis(call.integer("axis", 0), x.type.rank)
    size, count = x.type.dims[axis], len(call.node.output)
    if call.has(1):
        sizes = call.known_ints(1, "split sizes")
    elif call.has_attribute("split"):
        sizes = call.integers("split")
    else:
        parts = call.integer("num_outputs", count)
        each = -(-size // parts)
        sizes = tuple(max(0, min(each, size - i * each)) for i in range(parts))
    if sum(sizes) != size or len(sizes) < count:
        raise call.invalid(f"split: expected {count} sizes that add up to {size}, found {sizes}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(
        slice_axis(call, x, axis, start, part) for start, part in zip(starts, sizes, strict=True)
    )


def slice_axis(call: Call, x: Value, axis: int, start: int, size: int) -> Value:
    """`size` elements along one axis, from `start` on."""
    rank = x.type.rank
    starts = tuple(start if i == axis else 0 for i in range(rank))
    sizes = tuple(size if i == axis else d for i, d in enumerate(x.type.dims))
    return call.emit(ops.Slice(starts, sizes, (1,) * rank), x)


def slice_(call: Call) -> Value:
    """Slice: all parameters are attributes before opset 10, inputs from then on."""
    x = call.input(0)
    if call.opset < 10:
        starts, ends = call.integers("starts"), call.integers("ends")
        axes = call.integers("axes", range(len(starts)))
        steps: tuple[int, ...] = (1,) * len(starts)
    else:
        starts, ends = call.known_ints(1, "starts"), call.known_ints(2, "ends")
        axes = call.known_ints(3, "axes") if call.has(3) else tuple(range(len(starts)))
        steps = call.known_ints(4, "steps") if call.has(4) else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise call.invalid(f"starts {starts}, ends {ends}, axes {axes}, steps {steps} do not fit")
    parts = [range(d) for d in x.type.dims]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = call.axis(axis, x.type.rank)
        parts[at] = range(*slice(start, end, step).indices(x.type.dims[at]))
    if all(p == range(d) for p, d in zip(parts, x.type.dims, strict=True)):
        return call.emit(ops.Identity(), x)
    first = tuple(p.start if len(p) else 0 for p in parts)
    sizes = tuple(len(p) for p in parts)
    return call.emit(ops.Slice(first, sizes, tuple(p.step for p in parts)), x)


def pad(call: Call) -> Value:
    """Pad: pads and value are attributes before opset 11, inputs from then on."""
    x = call.input(0)
    rank = x.type.rank
    mode = call.string("mode", "constant")
    if mode not in get_args(PadMode):
        raise call.invalid(f"mode: expected one of {get_args(PadMode)}, found {mode!r}")
    if call.opset < 11:
        given, value = call.integers("pads"), call.number("value", 0.0)
    else:
        given = call.known_ints(1, "pads")
        value = call.known(2, "padding value").reshape(()).item() if call.has(2) else 0
    axes = call.known_ints(3, "axes") if call.has(3) else tuple(range(rank))
    if len(given) != 2 * len(axes):
        raise call.invalid(f"pads: expected {2 * len(axes)}, found {given}")
    pads = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        at = call.axis(axis, rank)
        pads[at], pads[rank + at] = given[i], given[len(axes) + i]
    return call.emit(ops.Pad(tuple(pads), cast(PadMode, mode), value), x)


def depth_to_space(call: Call) -> Value:
    """DepthToSpace."""
    mode = call.string("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise call.invalid(f"mode: expected DCR or CRD, found {mode!r}")
    order = cast(Literal["DCR", "CRD"], mode)
    return call.emit(ops.DepthToSpace(call.integer("blocksize"), order), call.input(0))


def space_to_depth(call: Call) -> Value:
    """SpaceToDepth: blocks of pixels become the outer channels (DCR) or the inner ones (CRD)."""
    x, b = call.input(0), call.integer("blocksize")
    mode = call.string("mode", "DCR")
    if x.type.rank != 4 or x.type.dims[2] % b or x.type.dims[3] % b:
        raise call.invalid(f"expected rank 4 and sizes in {b}s, found {x.type}")
    n, c, h, w = x.type.dims
    y = call.emit(ops.Reshape((n, c, h // b, b, w // b, b)), x)
    y = call.emit(ops.Transpose((0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)), y)
    return call.emit(ops.Reshape((n, c * b * b, h // b, w // b)), y)


def trilu(call: Call) -> Value:
    """Trilu."""
    k = int(call.known(1, "diagonal").reshape(())) if call.has(1) else 0
    return call.emit(ops.Trilu(bool(call.integer("upper", 1)), k), call.input(0))


def reverse_sequence(call: Call) -> Value:
    """ReverseSequence: the first `sequence_lens[b]` steps of each batch entry, reversed."""
    x, lengths = call.tensors()
    time, batch = call.integer("time_axis", 0), call.integer("batch_axis", 1)
    steps = call.constant(np.arange(x.type.dims[time])[:, None], np.int64)
    last = call.emit(ops.Sub(), lengths, call.scalar(1, lengths))
    mirrored = call.emit(ops.Sub(), last, steps)
    source = call.emit(ops.Where(), call.emit(ops.Less(), steps, lengths), mirrored, steps)
    shape = [1] * x.type.rank
    shape[time], shape[batch] = x.type.dims[time], x.type.dims[batch]
    if batch < time:
        source = call.emit(ops.Transpose((1, 0)), source)
    index = call.emit(ops.Reshape(tuple(shape)), source)
    index = call.emit(ops.Expand(x.type.dims), index)
    return call.emit(ops.GatherElements(time), x, index)


IMPORTERS: dict[str, Import] = {
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Pad": pad,
    "Reshape": reshape,
    "ReverseSequence": reverse_sequence,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}
