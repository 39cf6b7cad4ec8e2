"""Elementwise nodes alone: requantization, sums, products, clips, tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import kind, operands, points_text
from graphopt.schedules.mcu.library import refusal
from graphopt.schedules.mcu.scalar.rescaling import rescale_routines
from graphopt.schedules.region import elementwise_shape
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr


@dataclass(frozen=True)
class Pointwise:
    """One function for tensors of all shapes, over any input that dies.

    Sizes: the elements, or rows and channels where an operand has a number for each channel.
    """

    name: str = "pointwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        shape = elementwise_shape(region)
        if isinstance(shape, Reject):
            return shape
        refused = refusal(region)
        if refused is not None:
            return refused
        text = points_text(region, shape)
        if text is None:
            return Reject("an operand broadcasts along other dimensions than the last")
        elements = region.outputs[0].type.elements
        flat = all(kind(value, shape) != "channel" for value in operands(region, None))

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.pointwise_loops import emit_channels, emit_flat

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None, *sizes: Expr) -> None:
                (emit_flat if flat else emit_channels)(region, buffers, shape, target, *sizes)

            return sized_kernel(region, ("elements",) if flat else ("rows", "channels"), body)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            overlap=_overlap(region, shape),
            routines=rescale_routines(region, target),
            sizes=(elements,) if flat else (elements // shape[-1], shape[-1]),
            identity=text,
        )


def _overlap(region: Graph, shape: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """How far after each input an output may start: nothing is written before it was read."""
    elements = region.outputs[0].type.elements
    result: dict[tuple[int, int], int] = {}
    for value in operands(region, None):
        if kind(value, shape) != "element":
            continue
        for o, output in enumerate(region.outputs):
            # After element t, t + 1 outputs are written and input t + 1 is the next to be read.
            narrower = value.type.dtype.itemsize - output.type.dtype.itemsize
            first, last = 1, max(1, elements - 1)
            result[region.inputs.index(value), o] = min(first * narrower, last * narrower)
    return result
