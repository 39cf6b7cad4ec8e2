"""Convolutions and matrix products in blocks of pixels, for cores with SMLAD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphopt.ir import Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import operands
from graphopt.schedules.mcu.smlad.digits import GROUP, Format, block_format
from graphopt.schedules.mcu.smlad.product import Product, Window, find_product
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

_WORD = 4
# Channels whose sums wait for an epilogue at a time; a multiple of any format's channels.
TILE = 64


@dataclass(frozen=True)
class BlocksPlan:
    """How a product is cut, and where in the scratch things lie, in bytes.

    Each block of output pixels is gathered: their windows are copied to the scratch, widened to 16
    bits. Then a routine computes all channels of the block. `pointwise` and `words` say how:
    pixels follow each other as in memory, and windows consist of whole words. `rows` is where
    windows lie that do not, `results` what the routine leaves to the epilogue or, where a block
    is not whole, to a copy, and `zeros` a bias for products without one.
    """

    product: Product
    format: Format

    @property
    def window(self) -> Window:
        return self.product.window

    @property
    def words(self) -> bool:
        return self.window.channels // self.window.groups % GROUP == 0

    @property
    def pointwise(self) -> bool:
        return self.window.pointwise and self.words

    @property
    def padded_taps(self) -> int:
        return -(-self.window.taps // GROUP) * GROUP

    @property
    def channels(self) -> int:
        """How many channels the routine computes at once: those of a group, or a tile of them."""
        padded = self.format.padded(self.window.out_channels // self.window.groups)
        return padded if self.product.requantized else min(padded, TILE)

    @property
    def block_bytes(self) -> int:
        return self.format.pixels * (_WORD + 2 * self.padded_taps)

    @property
    def rows(self) -> int:
        return self.block_bytes

    @property
    def results(self) -> int:
        return self.rows + (0 if self.words else self.format.pixels * self.padded_taps)

    @property
    def zeros(self) -> int:
        if self.product.requantized is None:
            return self.results + _WORD * self.format.pixels * self.channels
        window = self.window
        pixels = window.pixels * (window.images if self.pointwise else 1)
        whole = pixels % self.format.pixels == 0
        even = window.out_channels // window.groups == self.channels
        staged = 0 if whole and even else self.format.pixels * self.channels
        return self.results + -(-staged // _WORD) * _WORD

    @property
    def scratch_bytes(self) -> int:
        return self.zeros + (0 if self.product.routine_bias else _WORD * self.channels)

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers that the kernel gets at each call, by name."""
        window = self.window
        places = {"rows": self.rows, "results": self.results, "zeros": self.zeros}
        if self.pointwise:
            return places | {
                "pixels": window.images * window.pixels,
                "channels": window.channels,
                "out_channels": window.out_channels,
            }
        return places | {
            "images": window.images,
            "height": window.size[0],
            "width": window.size[1],
            "channels": window.channels,
            "out_height": window.out_size[0],
            "out_width": window.out_size[1],
            "out_channels": window.out_channels,
            "kernel_y": window.kernel[0],
            "kernel_x": window.kernel[1],
            "stride_y": window.strides[0],
            "stride_x": window.strides[1],
            "top": window.pads[0],
            "left": window.pads[1],
            "dilation_y": window.dilations[0],
            "dilation_x": window.dilations[1],
            "groups": window.groups,
            "pad_value": window.pad_value,
        }

    @property
    def routines(self) -> tuple[str, ...]:
        widen = f"widen{self.format.pixels}_{self.product.x.type.dtype}"
        copy = () if self.words else ("copy_rows",)
        return self.format.routine, widen, *copy

    @property
    def identity(self) -> str:
        """What the code follows from."""
        how = [f"{self.format}", f"pointwise {self.pointwise}", f"words {self.words}"]
        how.append(f"groups {self.window.groups > 1}")
        return "\n".join([*how, self.product.identity])

    def overlap(self) -> dict[tuple[int, int], int]:
        """How far behind the start of x each output may start: memory.md's o_max.

        A block is read before any of it is written, but for the later groups of channels.
        """
        product, window = self.product, self.window
        where = product.where
        if product.x in operands(where.region, where.anchor):
            return {}
        # Behind the last block anything may be written: a number that limits nothing.
        end = product.x.type.elements + _WORD * where.result.type.elements
        reads = np.append(window.first_read(), end)
        lowest = np.minimum.accumulate(reads[::-1])[::-1] * product.x.type.dtype.itemsize
        pixels = window.pixels * (window.images if self.pointwise else 1)
        starts = np.arange(0, pixels, self.format.pixels)
        ends = np.minimum(starts + self.format.pixels, pixels)
        blocks = (np.arange(1 if self.pointwise else window.images) * pixels)[:, None]
        written = (blocks + ends).reshape(-1) * window.out_channels
        still = lowest[(blocks + (ends if window.groups == 1 else starts)).reshape(-1)]
        x = where.input_index(product.x)
        return {
            (x, o): int((still - written * output.type.dtype.itemsize).min())
            for o, output in enumerate(where.region.outputs)
        }


@dataclass(frozen=True)
class ProductBlocks:
    """Products of whole blocks of pixels by routines in assembly."""

    name: str = "product_blocks"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.dsp:
            return Reject("the core has no SMLAD")
        product = find_product(region, constant_inputs)
        if isinstance(product, Reject):
            return product
        x, w = product.x.type.dtype, product.weights.type.dtype
        if product.weights.type.dims[1:2] == (1,) and product.window.groups > 1:
            return Reject("a channel alone in its group leaves pairs of products half empty")
        form = block_format(x, w, product.window.taps)
        if form is None:
            return Reject(f"no routine multiplies {x} by {w}")
        plan = BlocksPlan(product, form)

        def build() -> PrimFunc:
            from graphopt.schedules.mcu.smlad.blocks_loops import build

            return build(plan, target)

        return KernelPlan(
            self.name,
            region,
            build,
            packs=product.packs(form),
            scratch_bytes=plan.scratch_bytes,
            inplace=product.where.inplace(product.x, product.weights),
            overlap=plan.overlap(),
            routines=plan.routines,
            sizes=tuple(plan.sizes.values()),
            identity=plan.identity,
        )
