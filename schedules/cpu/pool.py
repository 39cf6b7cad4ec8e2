"""Max, average and sum pools NHWC in f32, max and sum pools of integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.pooling import AveragePool, MaxPool, Pool, SumPool
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.window import axes, plan_window
from graphopt.schedules.region import find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer


@dataclass(frozen=True)
class Pool2d:
    """Pools over two dimensions."""

    name: str = "pool2d"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        pools = [node for node in region.nodes if isinstance(node.op, Pool)]
        dtype = pools[0].output.type.dtype if pools else DType.F32
        where = find_anchor(region, MaxPool, AveragePool, SumPool, dtype=dtype)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Pool)
        if dtype is not DType.F32 and (not dtype.is_integer or isinstance(op, AveragePool)):
            return Reject(f"expected f32, found {dtype}")
        (x,) = where.anchor.inputs
        if op.layout != "NHWC" or len(op.kernel) != 2:
            return Reject("expected a 2-D pool in NHWC")
        cut = axes(x.type, where.result.type, op.kernel, op.strides, op.pads, op.dilations)
        plan = plan_window(where, target, *cut, target.lanes(dtype.itemsize))
        if isinstance(plan, Reject):
            return plan

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.pool_loops import EMITTERS
            from graphopt.schedules.emit import kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                EMITTERS[type(op)](plan, buffers).emit()

            return kernel(region, body)

        return KernelPlan(schedule=self.name, region=region, build=build, inplace=where.inplace(x))
