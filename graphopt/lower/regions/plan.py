"""The plan of a patched region: to the rest of the program it looks like one kernel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphopt.ir import Node, Value
from graphopt.lower.choice import Choice, Refused
from graphopt.lower.kernel import Schedule
from graphopt.lower.regions.actions import Action, Run
from graphopt.lower.regions.kernels import TileKernels
from graphopt.lower.regions.memory import InnerArena, inner_arena, overlaps
from graphopt.lower.regions.trace import trace
from graphopt.ops import Patched
from graphopt.patching.firings import Firings, fire
from graphopt.targets import Target


@dataclass(frozen=True)
class RegionPlan:
    """How a patched region runs.

    Attributes:
        outer: by input and output of the body, the value of the graph around it.
        constants: values of the body whose arrays are known.
        overlap: as in `KernelPlan`.
    """

    op: Patched
    outer: Mapping[Value, Value]
    constants: frozenset[Value]
    firings: Firings
    actions: tuple[Action, ...]
    arena: InnerArena
    overlap: Mapping[tuple[int, int], int]
    inplace: tuple[tuple[int, int], ...] = ()

    @property
    def scratch_bytes(self) -> int:
        return self.arena.nbytes

    @property
    def choices(self) -> tuple[tuple[Node, Choice], ...]:
        """Each node of the body with each of its kernels."""
        runs = [action for action in self.actions if isinstance(action, Run)]
        distinct = {(run.step, id(run.choice)): run for run in runs}
        return tuple((run.node, run.choice) for run in distinct.values())

    @property
    def whole_constants(self) -> tuple[Value, ...]:
        """Constants of the body that are cut into tiles where they lie."""
        read = (
            spot.value
            for action in self.actions
            for i, spot in enumerate(action.reads)
            if not (isinstance(action, Run) and i in action.choice.constants)
        )
        return tuple(dict.fromkeys(v for v in read if v is not None and v in self.constants))


def plan_region(
    node: Node, target: Target, constants: Collection[Value], schedules: Sequence[Schedule[Any]]
) -> RegionPlan | tuple[Refused, ...]:
    """The plan of a `Patched` node, or the tiles that no schedule takes.

    Args:
        constants: values of the graph around it whose arrays are known.

    Raises:
        PlanError: the region can not be executed as it says.
    """
    op = node.op
    assert isinstance(op, Patched)
    outer = dict(zip(op.body.inputs, node.inputs, strict=True))
    outer.update(zip(op.body.outputs, node.outputs, strict=True))
    known = {inner for inner, value in outer.items() if value in constants}
    arrays = frozenset((*known, *op.body.constants))
    kernels = TileKernels(target, arrays, schedules)
    firings = fire(op)
    actions = tuple(trace(firings, kernels))
    if kernels.refused:
        return tuple(kernels.refused.values())
    arena = inner_arena(firings, actions, target.alignment)
    return RegionPlan(op, outer, arrays, firings, actions, arena, overlaps(op, arrays, actions))
