"""Convolutions in any number of spatial dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Op, TensorType
from graphopt.ops.products import accumulator, exact, product_quant, rounded_to
from graphopt.ops.window import channels_first, channels_last, output_size, windows

Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True)
class Conv(Op):
    """A convolution. Inputs: x, weights [O, I/groups, *kernel], optionally a bias [O].

    Attributes:
        strides, dilations: one number per spatial dimension.
        pads: zeros added: the begins of all spatial dimensions, then the ends.
        groups: channels are split into this many independent convolutions.
        layout: whether the channels of x and of the output come second or last ("NHWC" stands
            for that at any rank). Weights are always [O, I/groups, *kernel].
        pad_value: what padding holds. Quantized zeros are stored as their zero point.

    Integers of at most 16 bits accumulate in i32, also of two types; the bias is then i32.
    """

    name = "conv"
    quantized = True

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    layout: Layout = "NCHW"
    pad_value: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if len(inputs) not in (2, 3):
            raise TypeRuleError(self.name, f"inputs: expected 2 or 3, found {len(inputs)}")
        x, w = inputs[:2]
        spatial = len(self.strides)
        if x.rank != spatial + 2 or w.rank != spatial + 2:
            raise TypeRuleError(
                self.name, f"rank: expected {spatial + 2} for x and weights, found {x} and {w}"
            )
        if len(self.pads) != 2 * spatial or len(self.dilations) != spatial:
            raise TypeRuleError(self.name, f"pads and dilations do not fit {spatial} dimensions")
        dtype = accumulator(self.name, x, w)
        n, c, *size = channels_first(x.dims, self.layout)
        o, per_group, *kernel = w.dims
        if c != per_group * self.groups or o % self.groups:
            raise TypeRuleError(
                self.name,
                f"channels: expected {per_group * self.groups} in {self.groups} groups, found {c}",
            )
        out = output_size(self.name, size, kernel, self.strides, self.pads, self.dilations)
        shape = channels_last((n, o, *out), self.layout)
        channels = len(shape) - 1 if self.layout == "NHWC" else 1
        quant = product_quant(self.name, x, w, 0, channels)
        if len(inputs) == 3:
            bias = TensorType(dtype, (o,), quant.along(quant.axis and 0) if quant else None)
            if inputs[2] != bias:
                raise TypeRuleError(self.name, f"bias: expected {bias}, found {inputs[2]}")
        return (TensorType(dtype, shape, quant),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, w = inputs[:2]
        types = tuple(TensorType.of(array) for array in inputs)
        x, w = exact(x), exact(w)
        spatial = len(self.strides)
        if self.layout == "NHWC":
            x = np.moveaxis(x, -1, 1)
        view = windows(x, w.shape[2:], self.strides, self.pads, self.dilations, self.pad_value)
        y = self._depthwise(view, w) if w.shape[1] == 1 else self._grouped(view, w)
        if len(inputs) == 3:
            y = y + inputs[2].reshape(-1, *(1,) * spatial)
        y = np.moveaxis(y, 1, -1) if self.layout == "NHWC" else y
        return (rounded_to(y, accumulator(self.name, *types[:2])),)

    def _grouped(self, view: Array, w: Array) -> Array:
        """[N, O, *out] from windows [N, C, *out, *kernel]."""
        spatial = len(self.strides)
        per_group, outs = w.shape[1], w.shape[0] // self.groups
        axes = [1, *range(2 + spatial, 2 + 2 * spatial)]
        parts = []
        for g in range(self.groups):
            part = view[:, g * per_group : (g + 1) * per_group]
            weights = w[g * outs : (g + 1) * outs]
            parts.append(np.tensordot(part, weights, axes=(axes, [1, *range(2, 2 + spatial)])))
        return np.moveaxis(np.concatenate(parts, axis=-1), -1, 1)

    def _depthwise(self, view: Array, w: Array) -> Array:
        """`_grouped` for one input channel in each group, all groups at once."""
        spatial = len(self.strides)
        outs = w.shape[0] // self.groups
        y = np.zeros((view.shape[0], w.shape[0], *view.shape[2 : 2 + spatial]), view.dtype)
        for tap in np.ndindex(*w.shape[2:]):
            here = np.repeat(view[(..., *tap)], outs, axis=1)
            y += here * w[(slice(None), 0, *tap)].reshape(-1, *(1,) * spatial)
        return y

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> int:
        return outputs[0].elements * math.prod(inputs[1].dims[1:])


@dataclass(frozen=True)
class ConvTranspose(Op):
    """The gradient of a convolution. Inputs: x NC..., weights [I, O/groups, *kernel], bias [O]?

    Output size: (in - 1) * stride + output_padding + (kernel - 1) * dilation + 1 - pads.
    """

    name = "conv_transpose"

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int = 1

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if len(inputs) not in (2, 3):
            raise TypeRuleError(self.name, f"inputs: expected 2 or 3, found {len(inputs)}")
        x, w = inputs[:2]
        spatial = len(self.strides)
        if x.rank != spatial + 2 or w.rank != spatial + 2 or x.dims[1] != w.dims[0]:
            raise TypeRuleError(self.name, f"x and weights do not fit: {x} and {w}")
        full = self._full_size(x.dims[2:], w.dims[2:])
        begins, ends = self.pads[:spatial], self.pads[spatial:]
        size = tuple(f - b - e for f, b, e in zip(full, begins, ends, strict=True))
        if min(size) < 1:
            raise TypeRuleError(self.name, f"the output would be empty: {size}")
        return (TensorType(x.dtype, (x.dims[0], w.dims[1] * self.groups, *size)),)

    def _full_size(self, size: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            (n - 1) * s + p + (k - 1) * d + 1
            for n, s, p, k, d in zip(
                size, self.strides, self.output_padding, kernel, self.dilations, strict=True
            )
        )

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, w = inputs[:2]
        spatial = len(self.strides)
        full = self._full_size(x.shape[2:], w.shape[2:])
        ins, outs = w.shape[0] // self.groups, w.shape[1]
        y = np.zeros((x.shape[0], outs * self.groups, *full), x.dtype)
        for g in range(self.groups):
            part = x[:, g * ins : (g + 1) * ins]
            for tap in np.ndindex(*w.shape[2:]):
                weights = w[(slice(g * ins, (g + 1) * ins), slice(None), *tap)]
                where = tuple(
                    slice(t * d, t * d + (n - 1) * s + 1, s)
                    for t, d, n, s in zip(
                        tap, self.dilations, x.shape[2:], self.strides, strict=True
                    )
                )
                product = np.moveaxis(np.tensordot(part, weights, axes=(1, 0)), -1, 1)
                y[(slice(None), slice(g * outs, (g + 1) * outs), *where)] += product
        begins, ends = self.pads[:spatial], self.pads[spatial:]
        y = y[
            (
                slice(None),
                slice(None),
                *(slice(b, f - e) for b, e, f in zip(begins, ends, full, strict=True)),
            )
        ]
        if len(inputs) == 3:
            y = y + inputs[2].reshape(-1, *(1,) * spatial)
        return (np.ascontiguousarray(y, dtype=x.dtype),)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> int:
        return inputs[0].elements * math.prod(inputs[1].dims[1:])
