"""Elementwise nodes alone, over bytes and other small types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.quantized import Lookup
from graphopt.rewrite import Reject
from graphopt.schedules.region import elements_read, elementwise_shape
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer


@dataclass(frozen=True)
class Pointwise:
    """Regions without an anchor: as many elements at a time as fill a vector of the smallest type.

    The generic schedule takes as many as fill one of 32-bit elements.
    """

    name: str = "pointwise"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        shape = elementwise_shape(region)
        if isinstance(shape, Reject):
            return shape
        values = {v for node in region.nodes for v in (*elements_read(node), *node.outputs)}
        sizes = [value.type.dtype.itemsize for value in values if value.type.dims == shape]
        if min(sizes, default=4) >= 4:
            return Reject("no elements smaller than 32 bits")
        # Looking up takes as many instructions for half a vector as for a whole one.
        tables = any(isinstance(node.op, Lookup) for node in region.nodes)
        lanes = target.lanes(min(sizes) if tables else max(2, min(sizes)))
        operands = [value for value in values if value in region.inputs]
        flat = all(value.type.dims == shape or value.type.elements == 1 for value in operands)

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.pointwise_loops import emit_flat, emit_rows
            from graphopt.schedules.emit import kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                (emit_flat if flat else emit_rows)(region, buffers, lanes, target.threads)

            return kernel(region, body)

        inplace = tuple(
            (i, o)
            for i, value in enumerate(region.inputs)
            for o, output in enumerate(region.outputs)
            if value.type == output.type
        )
        return KernelPlan(schedule=self.name, region=region, build=build, inplace=inplace)
