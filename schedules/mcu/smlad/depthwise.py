"""Depthwise convolution on cores that multiply two pairs of 16-bit numbers at once (SMLAD)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import epilogue_text, operands
from graphopt.schedules.region import Anchored, find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr

# Scratch holds rows of so many channels at a time.
CHANNELS = 2

# What the routines store: bytes, or totals for another epilogue.
ENDINGS = {DType.I8: 0, DType.U8: 1}
TOTALS = 2

# So many totals of outputs wait in scratch for an epilogue, unless a row has more.
MAX_TOTALS = 256

# Numbers that the routines share, before those rows (depthwise_layer_c.inc): the first are of one
# channel and some rows, the others of the layer.
CHANNEL = 4
SIZES = (
    *("x_step", "out_row_step", "out_columns", "out_column_step"),
    *("first", "moved", "kept", "blocks", "pad"),
    *("rows", "row_step", "columns", "column_step", "left", "tap_rows", "ending", "tap_bytes"),
    *("images", "image_step", "out_image_step", "channels", "multiplier", "out_rows", "band"),
)
FIELDS = CHANNEL + SIZES.index("images")


@dataclass(frozen=True)
class Routine:
    """A function in assembly: outputs from the padded rows of one channel.

    It multiplies by up to `rows` x `columns` taps and steps by `stride` columns. Scratch holds
    `slots` rows for it.
    """

    name: str
    rows: int
    columns: int
    stride: int
    slots: int


ROUTINES = (
    Routine("depthwise_3x3", 3, 3, 1, 8),
    Routine("depthwise_3x3_stride2", 3, 3, 2, 8),
    Routine("depthwise_5", 7, 5, 1, 16),
    Routine("depthwise_7", 7, 7, 1, 16),
    Routine("depthwise_7_stride2", 7, 7, 2, 16),
)


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution and of its tensors; steps in elements of one channel."""

    size: int
    out: int
    kernel: int
    stride: int
    before: int
    dilation: int
    step: int
    out_step: int


@dataclass(frozen=True)
class Layer:
    """A depthwise convolution: its batch, channels of x and outputs of each, axes, routine.

    The axes of a map may be `swapped`: rows are then what the tensors call columns.
    """

    images: int
    channels: int
    multiplier: int
    rows: Axis
    columns: Axis
    swapped: bool
    tap_bytes: int
    pad_value: int
    routine: Routine

    @property
    def pairs(self) -> int:
        """Words in a row of scratch: as many as the routine reads, two outputs at a time."""
        return -(-self.columns.out // 2) * self.routine.stride + self.routine.columns // 2

    @property
    def tap_rows(self) -> int:
        """Rows of taps that are multiplied."""
        return 3 if self.routine.rows == 3 else self.rows.kernel

    @property
    def scratch_bytes(self) -> int:
        return 4 * (FIELDS + self.routine.slots * CHANNELS * self.pairs)

    def sizes(self, band: int, ending: int) -> tuple[int, ...]:
        """In the order of `SIZES`, where `band` rows of outputs are made at once."""
        rows, columns = self.rows, self.columns
        read = max(0, min(columns.size, 2 * self.pairs - columns.before))
        pad = self.pad_value & 0xFFFF
        word = pad << 16 | pad
        return (
            *(4 * rows.stride, rows.out_step, columns.out, columns.out_step),
            *(-rows.before, band * rows.stride, max(0, self.tap_rows - rows.stride)),
            *(CHANNELS * self.pairs, word - (word >> 31 << 32)),
            *(rows.size if read else 0, rows.step, read, columns.step),
            *(columns.before, self.tap_rows, ending, self.tap_bytes),
            *(self.images, rows.size * columns.size * self.channels),
            *(rows.out * columns.out * self.channels * self.multiplier, self.channels),
            self.multiplier,
            *(rows.out, band),
        )

    @property
    def band(self) -> int:
        """How many rows of outputs the rows in scratch suffice for."""
        return (self.routine.slots - self.tap_rows) // self.rows.stride + 1

    def pack(self, weights: NDArray[Any]) -> NDArray[np.signedinteger[Any]]:
        """Weights [O, 1, *kernel] as taps [O, rows, columns] of the routine, zeros after theirs."""
        dtype = np.int16 if self.tap_bytes == 2 else np.int8
        taps = weights.astype(dtype).reshape(weights.shape[0], *weights.shape[-2:])
        if self.swapped:
            taps = taps.transpose(0, 2, 1)
        more = (self.tap_rows - taps.shape[1], self.routine.columns - taps.shape[2])
        return np.ascontiguousarray(np.pad(taps, [(0, 0), (0, more[0]), (0, more[1])]))


@dataclass(frozen=True)
class Depthwise:
    """By pairs of channels: rows widened to 16 bits in scratch, then multiplied in pairs of taps.

    Scratch holds some padded rows of two channels, so the output may be written over the input.
    """

    name: str = "depthwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.dsp:
            return Reject(f"{target.core} does not multiply pairs of 16-bit numbers")
        where = find_anchor(region, Conv, dtype=DType.I32)
        if isinstance(where, Reject):
            return where
        layer = layer_of(where.anchor)
        if isinstance(layer, Reject):
            return layer
        text = epilogue_text(where)
        if text is None:
            return Reject("an operand broadcasts in a way that regions of any shape do not share")
        x, w, *_ = where.anchor.inputs
        if not where.packable(w, constant_inputs):
            return Reject("the weights are not constant")
        rescaled = rescale_of(where)
        band, totals = layer.band, 0
        if rescaled is None:
            # The epilogue reads totals, which lie behind the rows.
            band = min(band, layer.rows.out, max(1, MAX_TOTALS // layer.columns.out))
            totals = 4 * band * layer.columns.out
        routine = layer.routine
        reader = f"depthwise_read{routine.slots}_{x.type.dtype}"

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.smlad.depthwise_loops import DepthwiseEmitter

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer, *sizes: Expr) -> None:
                named = dict(zip(SIZES, sizes, strict=True))
                emitter = DepthwiseEmitter(
                    where, rescaled, reader, routine, buffers, scratch, target
                )
                emitter.emit(named)

            return sized_kernel(
                region, SIZES, body, {where.input_index(w): f"int{8 * layer.tap_bytes}"}, 1
            )

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={where.input_index(w): layer.pack},
            scratch_bytes=layer.scratch_bytes + totals,
            inplace=_inplace(where, layer),
            routines=(reader, routine.name),
            sizes=layer.sizes(band, rescaled.ending if rescaled else TOTALS),
            identity=f"{reader} {routine.name}\n{text}",
        )


def layer_of(anchor: Node) -> Layer | Reject:
    """A convolution as a depthwise one that a routine takes."""
    op = anchor.op
    assert isinstance(op, Conv)
    x, w = anchor.inputs[:2]
    if op.groups == 1:
        return Reject("expected several channels, of which two are read at once")
    if op.layout != "NHWC" or len(op.strides) not in (1, 2):
        return Reject("expected a convolution of 1 or 2 dimensions in NHWC")
    if w.type.dims[1] != 1 or op.groups != x.type.dims[-1]:
        return Reject("expected one input channel in each group")
    if x.type.dtype not in (DType.I8, DType.U8):
        return Reject(f"expected activations of 8 bits, found {x.type.dtype}")
    if w.type.dtype not in (DType.I16, DType.I8, DType.I4, DType.I2):
        return Reject(f"expected signed weights of at most 16 bits, found {w.type.dtype}")
    rows, columns = _axes(op, x, w, anchor.output)
    # Where both ways are possible, the rows are long, and even.
    ways = sorted((False, True), key=lambda swapped: _waste(rows if swapped else columns))
    for swapped in ways:
        down, along = (columns, rows) if swapped else (rows, columns)
        routine = _routine(down, along)
        if routine is not None:
            images, multiplier = x.type.dims[0], w.type.dims[0] // op.groups
            tap_bytes = 2 if w.type.dtype is DType.I16 else 1
            return Layer(
                *(images, op.groups, multiplier, down, along, swapped, tap_bytes),
                *(op.pad_value, routine),
            )
    return Reject("no routine for this kernel, stride or dilation")


def _axes(op: Conv, x: Value, w: Value, out: Value) -> tuple[Axis, Axis]:
    """Rows and columns; the only spatial dimension of a signal is its columns."""
    spatial = len(op.strides)
    axes: list[Axis] = []
    step, out_step = x.type.dims[-1], out.type.dims[-1]
    for i in reversed(range(spatial)):
        size, made = x.type.dims[1 + i], out.type.dims[1 + i]
        kernel, stride, dilation = w.type.dims[2 + i], op.strides[i], op.dilations[i]
        axes.append(Axis(size, made, kernel, stride, op.pads[i], dilation, step, out_step))
        step, out_step = step * size, out_step * made
    if spatial == 1:
        axes.append(Axis(1, 1, 1, 1, 0, 1, step, out_step))
    columns, rows = axes
    return rows, columns


def _waste(columns: Axis) -> float:
    """How much a row costs besides its products, as a share of its length."""
    return (3 + columns.out % 2) / columns.out


def _routine(rows: Axis, columns: Axis) -> Routine | None:
    """The smallest routine with enough taps."""
    if any(axis.dilation != 1 and axis.kernel != 1 for axis in (rows, columns)):
        return None
    stride = 1 if columns.out == 1 else columns.stride
    for routine in ROUTINES:
        enough = rows.kernel <= routine.rows and columns.kernel <= routine.columns
        if enough and stride == routine.stride:
            return routine
    return None


def _inplace(where: Anchored, layer: Layer) -> tuple[tuple[int, int], ...]:
    """Outputs over operands of their shape, or over x, whose channels and rows come in order."""
    pairs = where.inplace(*where.anchor.inputs)
    x = where.anchor.inputs[0]
    apart = layer.multiplier == 1 and x not in operands(where.region, where.anchor)
    outputs = where.region.outputs
    if not (apart and len(outputs) == 1 and outputs[0].type.dtype.bits == 8 and _follows(layer)):
        return pairs
    return (*pairs, (where.input_index(x), 0))


def _follows(layer: Layer) -> bool:
    """Whether outputs that start where x starts only lie over what scratch has already.

    A row of outputs is written when the last input row under its taps was read.
    """
    rows, columns = layer.rows, layer.columns
    size, made = rows.size * columns.size, rows.out * columns.out
    if layer.images > 1 and size != made:
        return False
    r, c = np.indices((rows.out, columns.out))
    pixel = (r * rows.out_step + c * columns.out_step) // layer.channels
    over = pixel % rows.size if layer.swapped else pixel // columns.size
    read = r * rows.stride + layer.tap_rows - rows.before
    return bool(np.all((pixel >= size) | (over < read)))


@dataclass(frozen=True)
class Rescaled:
    """The multiplier and offset of an epilogue that is one rescale, saturated to 8 bits."""

    multiplier: Value
    offset: Value
    ending: int


def rescale_of(where: Anchored) -> Rescaled | None:
    """The epilogue of `where`, if it is rescale, clip to all of a type of 8 bits, cast to it."""
    nodes = [node for node in where.region.nodes if node is not where.anchor]
    if [type(node.op) for node in nodes] != [ops.Rescale, ops.Clip, ops.Cast]:
        return None
    rescale, clip, cast = nodes
    assert isinstance(clip.op, ops.Clip)
    chained = (
        rescale.inputs[0] is where.result
        and clip.inputs[0] is rescale.output
        and cast.inputs[0] is clip.output
        and where.region.outputs == (cast.output,)
    )
    ending = ENDINGS.get(cast.output.type.dtype)
    if not chained or ending is None:
        return None
    if (clip.op.low, clip.op.high) != integer_range(cast.output.type.dtype):
        return None
    _, multiplier, offset = rescale.inputs
    return Rescaled(multiplier, offset, ending)
