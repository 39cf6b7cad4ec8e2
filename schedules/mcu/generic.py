"""The schedule of last resort: any region whose operators have tensor expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.te.region import program_of
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.library import refusal
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class Generic:
    """Loops over each output, element by element, all cheap producers inside."""

    name: str = "generic"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        refused = refusal(region)
        if refused is not None:
            return refused
        try:
            program = program_of(region, target.alignment)
        except UnsupportedOperator as error:
            return Reject(str(error).splitlines()[0])

        def build() -> PrimFunc:
            from graphopt.lower.te.emitter import build

            return build(region, program, lanes=1, threads=1)

        return KernelPlan(self.name, region, build, scratch_bytes=program.scratch_bytes)
