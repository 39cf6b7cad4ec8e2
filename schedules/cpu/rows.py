"""Softmax and layer normalization over the last axis in f32, elementwise nodes on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.normalization import LayerNorm, Softmax
from graphopt.rewrite import Reject
from graphopt.schedules.region import find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer


@dataclass(frozen=True)
class Rows:
    """Operators that need a whole row before they can give its first element."""

    name: str = "rows"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Softmax, LayerNorm, prologue=True)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Softmax | LayerNorm)
        last = where.result.type.rank - 1
        if (op.axis,) != (last,) if isinstance(op, Softmax) else op.axes != (last,):
            return Reject("expected the last axis")

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.rows_loops import emit_layer_norm, emit_softmax
            from graphopt.schedules.emit import kernel

            emit = emit_softmax if isinstance(op, Softmax) else emit_layer_norm

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                emit(where, buffers, target)

            return kernel(region, body)

        return KernelPlan(
            schedule=self.name, region=region, build=build, inplace=where.inplace_rows()
        )
