"""Operators that move data without computing on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Op, TensorType
from graphopt.ops.convolution import Layout
from graphopt.ops.elementwise import broadcast_shapes
from graphopt.ops.normalization import check_axes
from graphopt.ops.window import channels_first, channels_last


@dataclass(frozen=True)
class Identity(Op):
    """x"""

    name = "identity"
    quantized = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return inputs


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements, in the same order, in another shape."""

    name = "reshape"
    quantized = True

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if x.elements != math.prod(self.shape):
            raise TypeRuleError(self.name, f"elements: expected {math.prod(self.shape)}, found {x}")
        return (x.moved(self.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].reshape(self.shape),)


@dataclass(frozen=True)
class Transpose(Op):
    """Dimension i of the output is dimension perm[i] of the input."""

    name = "transpose"
    quantized = True

    perm: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if sorted(self.perm) != list(range(x.rank)):
            raise TypeRuleError(self.name, f"perm: expected one of rank {x.rank}: {self.perm}")
        shape = tuple(x.shape[i] for i in self.perm)
        if x.quant is None or x.quant.axis is None:
            return (x.moved(shape),)
        return (TensorType(x.dtype, shape, x.quant.along(self.perm.index(x.quant.axis))),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].transpose(self.perm).copy(),)


@dataclass(frozen=True)
class Expand(Op):
    """x broadcast to a shape that it broadcasts to."""

    name = "expand"
    quantized = True

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if broadcast_shapes(self.name, x.shape, self.shape) != self.shape:
            raise TypeRuleError(self.name, f"shape: expected one {x} fits, found {self.shape}")
        return (x.moved(self.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.broadcast_to(inputs[0], self.shape).copy(),)


@dataclass(frozen=True)
class Tile(Op):
    """x repeated `repeats[i]` times along dimension i."""

    name = "tile"
    quantized = True

    repeats: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if len(self.repeats) != x.rank:
            raise TypeRuleError(self.name, f"repeats: expected {x.rank}, found {self.repeats}")
        shape = tuple(d * r for d, r in zip(x.dims, self.repeats, strict=True))
        return (x.moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.tile(inputs[0], self.repeats),)


@dataclass(frozen=True)
class Concat(Op):
    """The inputs one after the other along an axis."""

    name = "concat"
    quantized = True

    axis: int

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if not inputs:
            raise TypeRuleError(self.name, "inputs: expected at least one")
        first = inputs[0]
        check_axes(self.name, (self.axis,), first.rank)
        for t in inputs[1:]:
            others = [d for i, d in enumerate(t.shape) if i != self.axis]
            if (t.dtype, t.quant) != (first.dtype, first.quant) or others != [
                d for i, d in enumerate(first.shape) if i != self.axis
            ]:
                raise TypeRuleError(self.name, f"inputs do not fit: {first} and {t}")
        total = sum(t.dims[self.axis] for t in inputs)
        shape = (*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])
        return (first.moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.concatenate(inputs, axis=self.axis),)


@dataclass(frozen=True)
class Slice(Op):
    """Elements starts[i], starts[i] + steps[i], ... of dimension i: `sizes[i]` of them.

    Steps may be negative.
    """

    name = "slice"
    quantized = True

    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    steps: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if not x.rank == len(self.starts) == len(self.sizes) == len(self.steps):
            raise TypeRuleError(self.name, f"attributes do not fit rank {x.rank}")
        for start, size, step, dim in zip(self.starts, self.sizes, self.steps, x.dims, strict=True):
            last = start + (size - 1) * step
            if size < 0 or (size and not (0 <= start < dim and 0 <= last < dim)):
                raise TypeRuleError(self.name, f"elements {start} to {last}: expected within {dim}")
        return (x.moved(self.sizes),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        for axis, (start, size, step) in enumerate(
            zip(self.starts, self.sizes, self.steps, strict=True)
        ):
            x = np.take(x, start + step * np.arange(size), axis=axis)
        return (x,)


PadMode = Literal["constant", "reflect", "edge", "wrap"]


@dataclass(frozen=True)
class Pad(Op):
    """x with elements added around it (negative: removed); begins, then ends, per dimension.

    Of quantized x, `value` is the stored number.
    """

    name = "pad"
    quantized = True

    pads: tuple[int, ...]
    mode: PadMode = "constant"
    value: float | int | bool = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if len(self.pads) != 2 * x.rank:
            raise TypeRuleError(self.name, f"pads: expected {2 * x.rank}, found {self.pads}")
        begins, ends = self.pads[: x.rank], self.pads[x.rank :]
        shape = tuple(d + b + e for d, b, e in zip(x.dims, begins, ends, strict=True))
        if min(shape, default=0) < 0:
            raise TypeRuleError(self.name, f"pads {self.pads} leave a negative size of {x}")
        return (x.moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        begins, ends = self.pads[: x.ndim], self.pads[x.ndim :]
        crop = tuple(
            slice(max(0, -b), d - max(0, -e)) for b, e, d in zip(begins, ends, x.shape, strict=True)
        )
        widths = [(max(0, b), max(0, e)) for b, e in zip(begins, ends, strict=True)]
        x = x[crop]
        if not any(self.pads):
            return (x,)
        if self.mode == "constant":
            fill = np.asarray(self.value).astype(x.dtype)
            return (np.pad(x, widths, constant_values=fill),)
        return (np.pad(x, widths, mode=self.mode),)


@dataclass(frozen=True)
class DepthToSpace(Op):
    """Blocks of channels become blocks of pixels (ONNX DepthToSpace; DCR or CRD order).

    `layout` says where the channels are, as in `Conv`.
    """

    name = "depth_to_space"
    quantized = True

    block: int
    mode: Literal["DCR", "CRD"] = "DCR"
    layout: Layout = "NCHW"

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if x.rank != 4 or channels_first(x.dims, self.layout)[1] % self.block**2:
            raise TypeRuleError(
                self.name, f"expected rank 4 and channels in {self.block**2}s, found {x}"
            )
        n, c, h, w = channels_first(x.dims, self.layout)
        b = self.block
        return (x.moved(channels_last((n, c // b**2, h * b, w * b), self.layout)),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        x = np.moveaxis(x, -1, 1) if self.layout == "NHWC" else x
        n, c, h, w = x.shape
        b = self.block
        if self.mode == "DCR":
            y = x.reshape(n, b, b, c // b**2, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            y = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        y = y.reshape(n, c // b**2, h * b, w * b)
        return (np.ascontiguousarray(np.moveaxis(y, 1, -1) if self.layout == "NHWC" else y),)


@dataclass(frozen=True)
class Trilu(Op):
    """The upper or lower triangle of the last two dimensions; the rest is zero."""

    name = "trilu"

    upper: bool = True
    k: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if x.rank < 2:
            raise TypeRuleError(self.name, f"rank: expected at least 2, found {x}")
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        keep = np.triu if self.upper else np.tril
        return (keep(inputs[0], self.k),)
