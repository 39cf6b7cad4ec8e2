"""Convolutions and matrix products with constant weights, seen as one thing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.kernel import Pack
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import Kind, epilogue_text, kind
from graphopt.schedules.mcu.smlad.digits import Format
from graphopt.schedules.region import Anchored, find_anchor

_ACTIVATIONS = (DType.I8, DType.U8)
_WEIGHTS = (DType.I8, DType.I4, DType.I2, DType.I16)
_RANGES = {DType.I8: (-128, 127), DType.U8: (0, 255)}
_SPATIAL = 2


@dataclass(frozen=True)
class Window:
    """Which elements of x [images, height, width, channels] each output pixel reads.

    Pairs are (vertical, horizontal); `pads` are those before the first row and column.
    """

    images: int
    size: tuple[int, int]
    channels: int
    out_size: tuple[int, int]
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    pad_value: int = 0

    @property
    def pixels(self) -> int:
        """Output pixels of one image."""
        return math.prod(self.out_size)

    @property
    def taps(self) -> int:
        """How many products an output sums."""
        return math.prod(self.kernel) * self.channels // self.groups

    @property
    def pointwise(self) -> bool:
        """Whether output pixel i reads input pixel i and no other."""
        plain = (self.kernel, self.strides, self.pads) == ((1, 1), (1, 1), (0, 0))
        return plain and self.groups == 1 and self.size == self.out_size

    def first_read(self) -> NDArray[np.int64]:
        """The lowest element of x that each output pixel reads, of all images."""
        (oh, ow), (h, w) = self.out_size, self.size
        rows = np.clip(np.arange(oh) * self.strides[0] - self.pads[0], 0, h)
        columns = np.clip(np.arange(ow) * self.strides[1] - self.pads[1], 0, w)
        image = (rows[:, None] * w + columns).reshape(-1)
        starts = np.arange(self.images)[:, None] * h * w
        return (starts + image).reshape(-1) * self.channels


@dataclass(frozen=True)
class Requantized:
    """A product whose region adds a bias, rescales, saturates to all of `dtype`, and ends.

    `multiplier` is one number or one per channel, `offset` one number.
    """

    bias: Value | None
    multiplier: Value
    offset: Value
    dtype: DType


@dataclass(frozen=True)
class Product:
    """A region around one convolution or matrix product.

    `bias` is what the anchor itself adds. `requantized` is set where the region is no more than
    that.
    """

    where: Anchored
    x: Value
    weights: Value
    bias: Value | None
    window: Window
    requantized: Requantized | None
    epilogue: str

    @property
    def routine_bias(self) -> Value | None:
        """What a routine adds; the epilogue adds any other bias."""
        return self.requantized.bias if self.requantized else self.bias

    @property
    def multiplier_by(self) -> Kind | None:
        """Whether the multiplier is a number or one per channel."""
        if self.requantized is None:
            return None
        return kind(self.requantized.multiplier, self.where.result.type.dims)

    def matrix(self, weights: NDArray[Any]) -> NDArray[Any]:
        """The array of the weights as [groups, output channels of a group, taps]."""
        if isinstance(self.where.anchor.op, ops.MatMul):
            wide = weights if self.where.anchor.op.transpose_b else weights.T
            return wide[None]
        o = weights.shape[0]
        return np.moveaxis(weights, 1, -1).reshape(self.window.groups, o // self.window.groups, -1)

    def packs(self, form: Format) -> dict[int, Pack]:
        """The relayout of weights, and of what routines read one number per channel of.

        Those for blocks read a multiplier for each channel in any case.
        """
        groups = self.window.groups
        packs: dict[int, Pack] = {
            self.where.input_index(self.weights): lambda array: form.pack(self.matrix(array))
        }
        channels = self.window.out_channels

        def per_channel(array: NDArray[Any]) -> NDArray[Any]:
            return form.per_channel(np.broadcast_to(array.reshape(-1), channels), groups)

        if self.routine_bias is not None:
            packs[self.where.input_index(self.routine_bias)] = per_channel
        if self.requantized is not None and (self.multiplier_by == "channel" or form.pixels > 1):
            packs[self.where.input_index(self.requantized.multiplier)] = per_channel
        return packs

    @property
    def identity(self) -> str:
        """What the code of any routine's call and of the epilogue follows from."""
        how = f"bias {self.routine_bias is not None}, requantized {self.multiplier_by}"
        return f"{how}\n{self.epilogue}"


def find_product(region: Graph, constant_inputs: frozenset[int]) -> Product | Reject:
    """The product that a region consists of, with elementwise nodes after it."""
    where = find_anchor(region, ops.Conv, ops.MatMul, dtype=DType.I32)
    if isinstance(where, Reject):
        return where
    x, w, *rest = where.anchor.inputs
    if x.type.dtype not in _ACTIVATIONS or w.type.dtype not in _WEIGHTS:
        return Reject(f"{x.type.dtype} by {w.type.dtype}")
    if not all(where.packable(value, constant_inputs) for value in (w, *rest)):
        return Reject("weights or bias are not constants of their own")
    window = _window(where.anchor)
    if isinstance(window, Reject):
        return window
    text = epilogue_text(where)
    if text is None:
        return Reject("an operand broadcasts in a way that has no index")
    bias = rest[0] if rest else None
    return Product(where, x, w, bias, window, _requantized(where, bias, constant_inputs), text)


def _window(anchor: Node) -> Window | Reject:
    x, w = (value.type.dims for value in anchor.inputs[:2])
    out = anchor.output.type.dims
    op = anchor.op
    if isinstance(op, ops.MatMul):
        if len(w) != _SPATIAL:
            return Reject("a batch of weights")
        rows = math.prod(x[:-1])
        return Window(1, (1, rows), x[-1], (1, rows), out[-1])
    assert isinstance(op, ops.Conv)
    spatial = len(op.strides)
    if op.layout != "NHWC" or spatial > _SPATIAL:
        return Reject("channels do not come last, or more than two spatial dimensions")

    def pair(numbers: tuple[int, ...], fill: int) -> tuple[int, int]:
        return (fill, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])

    return Window(
        x[0],
        pair(x[1:-1], 1),
        x[-1],
        pair(out[1:-1], 1),
        out[-1],
        pair(w[2:], 1),
        pair(op.strides, 1),
        pair(op.pads[:spatial], 0),
        pair(op.dilations, 1),
        op.groups,
        op.pad_value,
    )


def _requantized(
    where: Anchored, bias: Value | None, constant_inputs: frozenset[int]
) -> Requantized | None:
    chain = _chain(where)
    shape = where.result.type.dims
    if chain and isinstance(chain[0].op, ops.Add) and bias is None:
        add, *chain = chain
        bias = add.inputs[1] if add.inputs[0] is where.result else add.inputs[0]
        if kind(bias, shape) != "channel" or not _constant(where, bias, constant_inputs):
            return None
    if [type(node.op) for node in chain] != [ops.Rescale, ops.Clip, ops.Cast]:
        return None
    rescale, clip, cast = chain
    total, multiplier, offset = rescale.inputs
    assert isinstance(clip.op, ops.Clip)
    dtype = cast.output.type.dtype
    if (clip.op.low, clip.op.high) != _RANGES.get(dtype) or kind(offset, shape) != "number":
        return None
    if total in where.region.inputs or total in where.region.constants:
        return None
    how = kind(multiplier, shape)
    if how not in ("number", "channel") or not _constant(where, multiplier, constant_inputs):
        return None
    return Requantized(bias, multiplier, offset, dtype)


def _chain(where: Anchored) -> list[Node]:
    """The nodes after the anchor, if each reads the one before and the last is the only output."""
    region, value = where.region, where.result
    chain: list[Node] = []
    while value not in region.outputs:
        readers = [node for node in region.nodes if value in node.inputs]
        if len(readers) != 1 or readers[0].inputs.count(value) != 1:
            return []
        chain.append(readers[0])
        value = readers[0].output
    alone = region.outputs == (value,) and len(region.nodes) == len(chain) + 1
    return chain if alone else []


def _constant(where: Anchored, value: Value, constant_inputs: frozenset[int]) -> bool:
    """Whether `value` is a constant that one node alone reads, so that it may be packed."""
    readers = [node for node in where.region.nodes if value in node.inputs]
    return (
        len(readers) == 1
        and value in where.region.inputs
        and (where.input_index(value) in constant_inputs)
    )
