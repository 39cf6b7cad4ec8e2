"""Reductions of neighbouring axes in f32, over the last axes or between others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.reduction import Reduce
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.reduce_plan import ReducePlan
from graphopt.schedules.cpu.region import find_anchor
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.emit import Buffer


@dataclass(frozen=True)
class ReduceAxes:
    """Sum, mean, maximum, minimum and product over a run of axes."""

    name: str = "reduce"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Reduce)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Reduce)
        (x,) = where.anchor.inputs
        dims = x.type.dims
        if not op.axes or op.axes != tuple(range(op.axes[0], op.axes[-1] + 1)):
            return Reject("the axes are not neighbours")
        first, last = op.axes[0], op.axes[-1] + 1
        parts = (dims[:first], dims[first:last], dims[last:])
        plan = ReducePlan(where, target, *(math.prod(part) for part in parts))

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.emit import kernel
            from graphopt.schedules.cpu.reduce_loops import ReduceEmitter

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                ReduceEmitter(plan, buffers).emit()

            return kernel(region, body)

        return KernelPlan(schedule=self.name, region=region, build=build, inplace=where.inplace(x))
