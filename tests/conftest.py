"""A schedule small enough to test the backend without the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import Array, Graph
from graphopt.lower.cache import CodeCache
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


class SumSchedule:
    """Regions of one `add` over equal shapes; a constant input is packed in reverse."""

    name = "sum"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if [type(node.op) for node in region.nodes] != [ops.Add]:
            return Reject("not one add")
        size = region.outputs[0].type.elements
        where = [
            [i for i, value in enumerate(region.inputs) if value is operand][0]
            for operand in region.nodes[0].inputs
        ]
        parallel = target.threads > 1

        def build() -> PrimFunc:
            from tvm import tirx

            buffers = [
                tirx.decl_buffer((size,), "float32", name=f"b{i}")
                for i in range(len(region.inputs) + 1)
            ]
            i = tirx.Var("i", "int32")

            def operand(which: int) -> tirx.PrimExpr:
                packed = where[which] in constant_inputs
                return buffers[where[which]][size - 1 - i if packed else i]

            store = tirx.BufferStore(buffers[-1], operand(0) + operand(1), [i])
            kind = tirx.ForKind.PARALLEL if parallel else tirx.ForKind.SERIAL
            return tirx.PrimFunc(buffers, tirx.For(i, 0, size, kind, store))

        return KernelPlan(
            self.name,
            region,
            build,
            packs={i: _reverse for i in constant_inputs},
            inplace=((0, 0),) if 0 not in constant_inputs else (),
        )


def _reverse(array: Array) -> Array:
    return np.ascontiguousarray(array.reshape(-1)[::-1])


@pytest.fixture
def sum_schedule() -> SumSchedule:
    return SumSchedule()


@pytest.fixture
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> CodeCache:
    return CodeCache(tmp_path_factory.mktemp("code-cache"))
