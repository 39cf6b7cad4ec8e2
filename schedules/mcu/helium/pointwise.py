"""Elementwise nodes alone on Helium: requantization, sums, clips, f32 from and to integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.pointwise import Pointwise
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr

LANES = 4
_TYPES = (DType.I8, DType.U8, DType.I16, DType.U16, DType.I32, DType.F32)
# Of integers; tables have no vectors either.
_SCALAR = (ops.Div, ops.Mod, ops.Pow, ops.Sqrt)


@dataclass(frozen=True)
class HeliumPointwise:
    """`Pointwise` four elements at a time."""

    name: str = "helium_pointwise"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.mve or target.form != "library":
            return Reject("needs machine code for Helium")
        plan = Pointwise().plan(region, target, constant_inputs)
        if isinstance(plan, Reject):
            return plan
        if any(value.type.dtype not in _TYPES for value in region.values()):
            return Reject("expected f32 and integers of at most 32 bits")
        if not all(_has_vectors(node) for node in region.nodes):
            return Reject("an operator has no vectors")
        flat, shape = len(plan.sizes) == 1, region.outputs[0].type.dims
        if not flat and shape[-1] % LANES:
            return Reject(f"expected channels in multiples of {LANES}, found {shape[-1]}")

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.helium.pointwise_loops import emit_channels, emit_flat

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None, *sizes: Expr) -> None:
                (emit_flat if flat else emit_channels)(region, buffers, shape, target, *sizes)

            return sized_kernel(region, ("elements",) if flat else ("rows", "channels"), body)

        return replace(plan, schedule=self.name, build=build)


def _has_vectors(node: Node) -> bool:
    if isinstance(node.op, ops.Lookup):
        return False
    return node.output.type.dtype.is_float or not isinstance(node.op, _SCALAR)
