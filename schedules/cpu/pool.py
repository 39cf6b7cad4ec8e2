"""Max and average pools NHWC in f32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.pooling import AveragePool, MaxPool, Pool
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.region import find_anchor
from graphopt.schedules.cpu.window import axes, plan_window
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.cpu.emit import Buffer


@dataclass(frozen=True)
class Pool2d:
    """Max and average pools over two dimensions."""

    name: str = "pool2d"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, MaxPool, AveragePool)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Pool)
        (x,) = where.anchor.inputs
        if op.layout != "NHWC" or len(op.kernel) != 2:
            return Reject("expected a 2-D pool in NHWC")
        cut = axes(x.type, where.result.type, op.kernel, op.strides, op.pads, op.dilations)
        plan = plan_window(where, target, *cut)
        if isinstance(plan, Reject):
            return plan

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.emit import kernel
            from graphopt.schedules.cpu.pool_loops import AverageEmitter, MaxEmitter

            emitter = MaxEmitter if isinstance(op, MaxPool) else AverageEmitter

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                emitter(plan, buffers).emit()

            return kernel(region, body)

        return KernelPlan(schedule=self.name, region=region, build=build, inplace=where.inplace(x))
