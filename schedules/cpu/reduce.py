"""Reductions of neighbouring axes in f32 and integers, over the last axes or between others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.reduction import Reduce
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.reduce_plan import ReducePlan
from graphopt.schedules.region import elements_read, find_anchor, nodes_before
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer

ORDER = ("max", "min")
# Sums of smaller integers wrap, which compilers are free to assume does not happen.
KINDS: dict[DType, tuple[str, ...]] = {
    DType.F32: ("sum", "mean", *ORDER, "prod"),
    DType.I32: ("sum", *ORDER),
    **dict.fromkeys((DType.I8, DType.U8, DType.I16), ORDER),
}


@dataclass(frozen=True)
class ReduceAxes:
    """Sum, mean, maximum, minimum and product over a run of axes."""

    name: str = "reduce"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        reductions = [node for node in region.nodes if isinstance(node.op, Reduce)]
        dtype = reductions[0].output.type.dtype if reductions else DType.F32
        where = find_anchor(region, Reduce, prologue=True, dtype=dtype)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Reduce)
        if dtype not in KINDS or op.kind not in KINDS[dtype]:
            return Reject(f"{op.kind} of {dtype}")
        (x,) = where.anchor.inputs
        dims = x.type.dims
        before = [v for node in nodes_before(region, where.anchor) for v in elements_read(node)]
        if any(v.type.dims != dims and v.type.elements > 1 for v in before):
            return Reject("what comes before broadcasts")
        if not op.axes or op.axes != tuple(range(op.axes[0], op.axes[-1] + 1)):
            return Reject("the axes are not neighbours")
        first, last = op.axes[0], op.axes[-1] + 1
        parts = (dims[:first], dims[first:last], dims[last:])
        plan = ReducePlan(where, target, *(math.prod(part) for part in parts))

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.reduce_loops import ReduceEmitter
            from graphopt.schedules.emit import kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                ReduceEmitter(plan, buffers).emit()

            return kernel(region, body)

        return KernelPlan(
            schedule=self.name, region=region, build=build, inplace=where.inplace(x, *before)
        )
