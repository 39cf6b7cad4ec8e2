"""Pooling over windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.ops.convolution import Layout
from graphopt.ops.products import is_narrow
from graphopt.ops.quantization import integer_range
from graphopt.ops.window import channels_first, channels_last, output_size, windows


@dataclass(frozen=True)
class Pool(Op):
    """Base of the pools. Input: x.

    Attributes:
        kernel, strides, dilations: one number per spatial dimension.
        pads: the begins of all spatial dimensions, then the ends.
        ceil: whether a last window may hang over the end.
        layout: where the channels are, as in `Conv`.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    ceil: bool = False
    layout: Layout = "NCHW"

    fill: ClassVar[float] = 0.0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if x.rank != len(self.kernel) + 2:
            raise TypeRuleError(self.name, f"rank: expected {len(self.kernel) + 2}, found {x}")
        n, c, *size = channels_first(x.dims, self.layout)
        out = self.output_size(tuple(size))
        return (self.result(x, channels_last((n, c, *out), self.layout)),)

    def result(self, x: TensorType, shape: tuple[int, ...]) -> TensorType:
        """The type of the pooled elements."""
        return x.moved(shape)

    def output_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Spatial size of the output for an input of spatial size `size`."""
        return output_size(
            self.name, size, self.kernel, self.strides, self.pads, self.dilations, self.ceil
        )

    def view(self, x: Array, fill: float) -> Array:
        """The windows [N, C, *out, *kernel] of a channels-first array."""
        count = self.output_size(x.shape[2:])
        return windows(x, self.kernel, self.strides, self.pads, self.dilations, fill, count)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        first = np.moveaxis(x, -1, 1) if self.layout == "NHWC" else x
        y = self.reduce(first)
        y = np.moveaxis(y, 1, -1) if self.layout == "NHWC" else y
        return (np.ascontiguousarray(y, dtype=x.dtype),)

    def reduce(self, x: Array) -> Array:
        """Pool a channels-first array."""
        raise TypeRuleError(self.name, "this pool has no reference semantics")

    @property
    def window_axes(self) -> tuple[int, ...]:
        spatial = len(self.kernel)
        return tuple(range(2 + spatial, 2 + 2 * spatial))


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest element of each window; padding never wins."""

    name = "max_pool"
    quantized = True

    def reduce(self, x: Array) -> Array:
        dtype = DType.of(x)
        lowest = integer_range(dtype)[0] if dtype.is_integer else -np.inf
        return np.asarray(self.view(x, lowest).max(axis=self.window_axes))


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of each window, over all its taps or only over those inside the input.

    With `count_pad`, taps in the padding count as zeros; those beyond it (see `ceil`) never count.
    """

    name = "average_pool"

    count_pad: bool = False

    def reduce(self, x: Array) -> Array:
        wide = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
        total = self.view(wide, 0).sum(axis=self.window_axes)
        ones = np.ones((1, 1, *x.shape[2:]), wide.dtype)
        if self.count_pad:
            spatial = len(self.kernel)
            widths = [(self.pads[i], self.pads[spatial + i]) for i in range(spatial)]
            ones = np.pad(ones, [(0, 0), (0, 0), *widths], constant_values=1)
            count = self.output_size(x.shape[2:])
            zero = (0,) * (2 * spatial)
            inside = windows(ones, self.kernel, self.strides, zero, self.dilations, 0, count)
        else:
            inside = self.view(ones, 0)
        return np.asarray(total / inside.sum(axis=self.window_axes))


@dataclass(frozen=True)
class SumPool(Pool):
    """The sum of each window; padding holds zero. Integers of at most 16 bits sum to i32."""

    name = "sum_pool"
    quantized = True

    def result(self, x: TensorType, shape: tuple[int, ...]) -> TensorType:
        if x.quant is not None and not x.quant.centered:
            raise TypeRuleError(self.name, f"zero point: expected 0, found {x}")
        return replace(x.moved(shape), dtype=DType.I32 if is_narrow(x.dtype) else x.dtype)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return super().evaluate(x.astype(np.int32) if is_narrow(DType.of(x)) else x)

    def reduce(self, x: Array) -> Array:
        return np.asarray(self.view(x, 0).sum(axis=self.window_axes))
