"""Softmax of integers, along any axis, elementwise nodes after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import DType, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.integer_softmax import IntegerSoftmax
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import epilogue_text, kind, operands
from graphopt.schedules.mcu.scalar.rescaling import rescale_routines
from graphopt.schedules.region import find_anchor
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer, Expr


@dataclass(frozen=True)
class Softmax:
    """One function for rows of any number and length, which keeps nothing but a sum.

    Sizes: rows outside of the axis, its length, elements inside of it.
    """

    name: str = "softmax"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, IntegerSoftmax, dtype=DType.I32)
        if isinstance(where, Reject):
            return where
        op, (_, table) = where.anchor.op, where.anchor.inputs
        assert isinstance(op, IntegerSoftmax)
        text, dims = epilogue_text(where), where.result.type.dims
        if text is None or any(
            kind(value, dims) == "channel" for value in operands(region, where.anchor)
        ):
            return Reject("an operand is neither a number nor one of each element")

        def build() -> PrimFunc:
            from graphopt.schedules.emit import sized_kernel
            from graphopt.schedules.mcu.softmax_loops import emit_softmax

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None, *sizes: Expr) -> None:
                emit_softmax(where, buffers, target, *sizes)

            return sized_kernel(region, ("outer", "length", "inner"), body)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            inplace=where.inplace(table),
            sizes=(math.prod(dims[: op.axis]), dims[op.axis], math.prod(dims[op.axis + 1 :])),
            identity=text,
            routines=rescale_routines(region, target),
        )
