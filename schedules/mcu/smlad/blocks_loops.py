"""TIR of products in blocks of pixels: gather, call the routine, finish what it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tvm import tirx

from graphopt.ir import Value
from graphopt.lower.dtypes import memory_dtype
from graphopt.schedules.emit import Buffer, Expr, T, loop, named, sized_kernel, view
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.smlad.blocks import TILE, BlocksPlan
from graphopt.schedules.mcu.smlad.calls import PerChannel, ending
from graphopt.schedules.mcu.smlad.digits import GROUP
from graphopt.schedules.mcu.smlad.gather import Gather
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


def build(plan: BlocksPlan, target: McuTarget) -> PrimFunc:
    """The kernel of `plan`, for all sizes that share its identity."""
    region, where = plan.product.where.region, plan.product.where

    def body(buffers: Mapping[Value, Buffer], scratch: Buffer, *sizes: Expr) -> None:
        Blocks(plan, buffers, scratch, dict(zip(plan.sizes, sizes, strict=True)), target).emit()

    dtypes = {where.input_index(plan.product.weights): "int16"}
    return sized_kernel(region, list(plan.sizes), body, dtypes, plan.scratch_bytes)


class Blocks:
    """All blocks of all images, one after the other."""

    def __init__(
        self,
        plan: BlocksPlan,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer,
        sizes: Mapping[str, Expr],
        target: McuTarget,
    ) -> None:
        self.plan, self.buffers, self.scratch, self.sizes = plan, buffers, scratch, sizes
        self.target = target
        self.gather = Gather(plan, buffers[plan.product.x], scratch, sizes, target)

    def emit(self) -> None:
        plan, s = self.plan, self.sizes
        if plan.product.routine_bias is None:
            zeros = view(self.scratch, "int32")
            channels = self._padded(self._of_group(s["out_channels"]))
            most = channels if plan.product.requantized else T.min(T.int32(TILE), channels)
            with loop(most) as c:
                T.buffer_store(zeros, T.int32(0), [s["zeros"] // 4 + c])
        if plan.pointwise:
            self._image(T.int32(0), named(s["pixels"]))
        else:
            with loop(s["images"]) as image:
                self._image(image, named(s["out_height"] * s["out_width"]))

    def _image(self, image: Expr, pixels: Expr) -> None:
        s, width = self.sizes, self.plan.format.pixels
        channels = named(self._of_group(s["out_channels"]))
        with loop((pixels + width - 1) // width) as block:
            first = named(block * width)
            valid = named(T.min(T.int32(width), pixels - first))
            with self._groups() as group:
                self.gather.block(image, group, first, valid)
                self._compute(_Part(image * pixels + first, valid, group, channels))

    def _compute(self, part: _Part) -> None:
        if self.plan.product.requantized is None:
            self._general(part)
        else:
            self._requantized(part)

    def _requantized(self, part: _Part) -> None:
        """The routine writes to the output itself where the block is whole."""
        plan, s = self.plan, self.sizes
        (output,) = plan.product.where.region.outputs
        out, staging = self.buffers[output], view(self.scratch, memory_dtype(output.type.dtype))
        padded = self._padded(part.channels)
        start = named(part.pixel * s["out_channels"] + part.group * part.channels)
        with T.If(T.And(part.valid == plan.format.pixels, padded == part.channels)):
            with T.Then():
                self._call(part, (T.int32(0), padded), out, start, s["out_channels"])
            with T.Else():
                self._call(part, (T.int32(0), padded), staging, s["results"], padded)
                with loop(part.valid) as p, loop(part.channels) as c:
                    result = staging[s["results"] + p * padded + c]
                    T.buffer_store(out, result, [start + p * s["out_channels"] + c])

    def _general(self, part: _Part) -> None:
        """The routine leaves sums in the scratch, of a tile of channels, to any epilogue."""
        plan, s = self.plan, self.sizes
        sums = view(self.scratch, "int32")
        results = named(s["results"] // 4)
        epilogue = Epilogue(plan.product.where, self.buffers, self.target)
        with loop((part.channels + TILE - 1) // TILE) as tile:
            first = named(tile * TILE)
            count = named(T.min(T.int32(TILE), part.channels - first))
            self._call(part, (first, self._padded(count)), sums, results, T.int32(0))
            with loop(count) as c:
                channel = named(part.group * part.channels + first + c)
                operands = epilogue.channel(channel)
                with loop(part.valid) as p:
                    total = sums[results + c * plan.format.pixels + p]
                    position = (part.pixel + p) * s["out_channels"] + channel
                    epilogue.store(operands, total, named(position))

    @contextmanager
    def _groups(self) -> Iterator[Expr]:
        if self.plan.window.groups == 1:
            yield T.int32(0)
        else:
            with loop(self.sizes["groups"]) as group:
                yield group

    def _of_group(self, channels: Expr) -> Expr:
        grouped = self.plan.window.groups > 1
        return tirx.truncdiv(channels, self.sizes["groups"]) if grouped else channels

    def _padded(self, channels: Expr) -> Expr:
        unit = self.plan.format.channels
        return named((channels + unit - 1) // unit * unit)

    def _call(
        self, part: _Part, channels: tuple[Expr, Expr], out: Buffer, start: Expr, stride: Expr
    ) -> None:
        """The routine, for channels of a group: the first of them, and how many."""
        plan, s = self.plan, self.sizes
        first = channels[0]
        if plan.window.groups > 1:
            first = named(part.group * self._padded(part.channels) + first)
        taps = s["channels"]
        if not plan.pointwise:
            taps = s["kernel_y"] * s["kernel_x"] * self._of_group(s["channels"])
        groups = named((taps + GROUP - 1) // GROUP)
        weights = self.buffers[plan.product.weights]
        packed = first * groups * GROUP // plan.format.per_half
        words = view(self.scratch, "int32")
        zeros = words[s["zeros"] // 4]
        per_channel = PerChannel(plan.product, self.buffers, zeros, words, multipliers=True)
        call = tirx.call_extern(
            "int32",
            f"graphopt_{plan.format.routine}",
            T.address_of(words[0]),
            T.address_of(weights[packed]),
            T.address_of(out[start]),
            per_channel.multipliers(first),
            per_channel.bias(first),
            stride,
            per_channel.offset,
            channels[1],
            groups,
            T.int32(plan.format.chunk),
            ending(out),
        )
        T.evaluate(call)


@dataclass(frozen=True)
class _Part:
    """`valid` pixels from `pixel` of all images on, of one group, and its number of channels."""

    pixel: Expr
    valid: Expr
    group: Expr
    channels: Expr
