"""Random integer layers as they come out of the pipeline, for kernels of microcontrollers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from hypothesis import strategies as st

from graphopt import ops
from graphopt.ir import Array, DType, Value
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.ops.quantization import integer_range

Kind = Literal["dense", "depthwise", "grouped", "fully connected"]
Tail = Literal["requantized", "residual", "sums"]


@dataclass(frozen=True)
class Layer:
    """One convolution or fully connected layer and what follows it in its region.

    `size` is that of the input map; `channels` those per group, `outputs` those per group. Weights
    come from `seed`.
    """

    kind: Kind
    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    channels: int
    outputs: int
    groups: int
    x: DType
    w: DType
    result: DType
    zero_point: int
    per_channel: bool
    tail: Tail
    seed: int

    def region(self) -> Region:
        """The layer as the body of a kernel."""
        build = RegionBuilder()
        rng = np.random.default_rng(self.seed)
        dense = self.kind == "fully connected"
        total = self._matmul(build, rng) if dense else self._conv(build, rng)
        if self.tail == "sums":
            return build.region(total)
        shape = total.type.dims
        count = shape[-1] if self.per_channel else 1
        multiplier = self._multiplier(rng, count)
        laid_out = multiplier.reshape(*(1,) * (len(shape) - 1), -1) if self.per_channel else None
        factor = build.given(laid_out if laid_out is not None else multiplier.reshape(()))
        offset = build.given(np.array(self.zero_point, np.int32))
        scaled = build.apply(ops.Rescale(), total, factor, offset)
        if self.tail == "residual":
            skip = build.input(*shape, dtype=self.result)
            scaled = build.apply(ops.Add(), scaled, build.apply(ops.Cast(DType.I32), skip))
        clipped = build.apply(ops.Clip(*integer_range(self.result)), scaled)
        return build.region(build.apply(ops.Cast(self.result), clipped))

    def _conv(self, build: RegionBuilder, rng: np.random.Generator) -> Value:
        x = build.input(1, *self.size, self.channels * self.groups, dtype=self.x)
        outputs = self.outputs * self.groups
        w = build.given(self._weights(rng, (outputs, self.channels, *self.kernel)))
        low, high = integer_range(self.x)
        op = ops.Conv(
            self.strides,
            self.pads,
            self.dilations,
            self.groups,
            layout="NHWC",
            pad_value=int(rng.integers(low, high, endpoint=True)) if any(self.pads) else 0,
        )
        bias = build.given(rng.integers(-(2**16), 2**16, outputs).astype(np.int32))
        return build.apply(op, x, w, bias)

    def _matmul(self, build: RegionBuilder, rng: np.random.Generator) -> Value:
        x = build.input(1, self.channels, dtype=self.x)
        w = build.given(self._weights(rng, (self.channels, self.outputs)))
        bias = build.given(rng.integers(-(2**16), 2**16, (1, self.outputs)).astype(np.int32))
        return build.apply(ops.Add(), build.apply(ops.MatMul(), x, w), bias)

    def _weights(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        low, high = integer_range(self.w)
        if self.w is DType.I16:  # bytes with a zero point of their own
            low, high = -255, 255
        return np.asarray(rng.integers(low, high, shape, endpoint=True).astype(self.w.numpy))

    def _multiplier(self, rng: np.random.Generator, count: int) -> Array:
        """Such that results fill the range of 8 bits, and some leave it."""
        depth = self.channels * (1 if self.kind == "fully connected" else math.prod(self.kernel))
        spread = 2.0 ** (self.x.bits + min(self.w.bits, 9)) / 12 * math.sqrt(depth) + 2**15
        factor = rng.uniform(0.5, 1.5, count) * 60 / spread
        return np.minimum(factor * 2**32, 2**31 - 1).astype(np.int32)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Kernels 1 to 7, strides 1 to 3, dilation, any padding, 1 to 67 channels, 2 to 16 bits."""
    kind: Kind = draw(
        st.sampled_from(("dense", "dense", "depthwise", "grouped", "fully connected"))
    )
    pointwise = draw(st.booleans()) and kind == "dense"
    pair = st.tuples(st.integers(1, 7), st.integers(1, 7))
    kernel = (1, 1) if pointwise else draw(st.one_of(pair, st.just((3, 3))))
    strides = (1, 1) if pointwise else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.sampled_from(((1, 1), (1, 1), (2, 1), (2, 2))))
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    before = [draw(st.integers(0, (e - 1) // 2 + 1)) if e > 1 else 0 for e in extent]
    after = [draw(st.integers(0, (e - 1) // 2 + 1)) if e > 1 else 0 for e in extent]
    least = [max(1, e - b - a) for e, b, a in zip(extent, before, after, strict=True)]
    size = (least[0] + draw(st.integers(0, 5)), least[1] + draw(st.integers(0, 8)))
    channels = st.one_of(st.integers(1, 67), st.sampled_from((4, 8, 16, 32, 64)))
    groups = {"depthwise": draw(channels), "grouped": draw(st.integers(2, 4))}.get(kind, 1)
    result = draw(st.sampled_from((DType.I8, DType.I8, DType.U8)))
    return Layer(
        kind,
        size,
        kernel,
        strides,
        dilations,
        (before[0], before[1], after[0], after[1]),
        1 if kind == "depthwise" else draw(channels if kind != "grouped" else st.integers(1, 9)),
        draw(st.sampled_from((1, 1, 1, 2))) if kind == "depthwise" else draw(st.integers(1, 35)),
        groups,
        draw(st.sampled_from((DType.I8, DType.I8, DType.U8))),
        draw(st.sampled_from((DType.I8, DType.I8, DType.I4, DType.I2, DType.I16))),
        result,
        draw(st.integers(*integer_range(result))),
        draw(st.booleans()),
        draw(st.sampled_from(("requantized", "requantized", "residual", "sums"))),
        draw(st.integers(0, 2**31)),
    )
