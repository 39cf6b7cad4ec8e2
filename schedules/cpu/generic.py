"""The schedule of last resort: any region whose operators have tensor expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.te.region import program_of
from graphopt.rewrite import Reject
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class Generic:
    """Loops over each output, vectors along the last axis, all cheap producers inside."""

    name: str = "generic"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        try:
            program = program_of(region, target.alignment)
        except UnsupportedOperator as error:
            return Reject(str(error).splitlines()[0])
        lanes = _lanes(region, target)

        def build() -> PrimFunc:
            from graphopt.lower.te.emitter import build

            return build(region, program, lanes, target.threads)

        return KernelPlan(self.name, region, build, scratch_bytes=program.scratch_bytes)


def _lanes(region: Graph, target: CpuTarget) -> int:
    """As many as fill a vector of 32-bit elements; of bytes alone, as many as fill one of bytes."""
    values = (*region.inputs, *(value for node in region.nodes for value in node.outputs))
    plain = target.lanes(4)
    if any(not value.type.dtype.is_integer for value in values):
        return plain
    lanes = max(plain, target.lanes(max(value.type.dtype.itemsize for value in values)))
    rows = [value.type.dims[-1] for value in values if value.type.dims]
    while lanes > plain and any(row % lanes for row in rows):
        lanes //= 2
    return lanes
