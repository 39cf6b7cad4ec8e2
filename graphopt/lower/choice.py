"""Which schedule takes a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Graph, Node, Op
from graphopt.lower.kernel import KernelPlan, Schedule
from graphopt.lower.key import kernel_key
from graphopt.lower.steps import Address, Call, Kernel
from graphopt.ops import OnnxOp
from graphopt.rewrite import Reject
from graphopt.targets import Target

Rejections = tuple[tuple[str, Reject], ...]


@dataclass(frozen=True)
class Choice:
    """A kernel for a region, and why the schedules that come earlier did not take it.

    Attributes:
        constants: the inputs of the region whose arrays are known.
    """

    kernel: Kernel
    constants: frozenset[int]
    rejected: Rejections


@dataclass(frozen=True)
class Refused:
    """A region that no schedule takes, where it comes from, and why."""

    node: Node
    region: Graph
    rejected: Rejections

    def __str__(self) -> str:
        operators = ", ".join(dict.fromkeys(_name(inner.op) for inner in self.region.nodes))
        where = self.node.location.short or f"%{self.node.outputs[0].name}"
        last = self.rejected[-1:]
        reason = "".join(f"{name}: {reject.reason}" for name, reject in last) or "no schedules"
        return f"{where}: no kernel for {operators}: {reason}"


def choose(
    region: Graph, target: Target, constants: frozenset[int], schedules: Sequence[Schedule[Any]]
) -> Choice | Rejections:
    """The kernel of the first schedule that takes the region, or why none does."""
    rejected: list[tuple[str, Reject]] = []
    for schedule in schedules:
        plan = schedule.plan(region, target, constants)
        if isinstance(plan, KernelPlan):
            kernel = Kernel(kernel_key(plan, constants, target), plan)
            return Choice(kernel, constants, tuple(rejected))
        rejected.append((schedule.name, plan))
    return tuple(rejected)


def call_of(choice: Choice, arguments: tuple[Address, ...], node: Node, macs: int) -> Call:
    """A call of the kernel for `node`, or for a tile of it."""
    region = choice.kernel.plan.region
    constants = {region.inputs[i] for i in choice.constants}
    return Call(
        choice.kernel,
        arguments,
        str(node.location) or node.outputs[0].name,
        tuple(inner.op.name for inner in region.nodes),
        macs,
        sum(value.type.nbytes for value in {*region.inputs, *region.outputs}),
        sum(value.type.nbytes for value in constants),
        choice.rejected,
    )


def unsupported(graph: Graph, target: Target, refused: Sequence[Refused]) -> UnsupportedOperator:
    """One error for all regions without a kernel, with what the schedule of last resort said."""
    lines = "\n".join(f"  {each}" for each in refused)
    return UnsupportedOperator(
        graph.name,
        f"operators: expected a kernel on {target.name} for each, found none for {len(refused)} "
        f"of {len(graph.nodes)} kernels\n{lines}",
        "remove or replace these operators in the model, or compile it for a target that has them",
    )


def _name(op: Op) -> str:
    return op.op_type if isinstance(op, OnnxOp) else op.name
