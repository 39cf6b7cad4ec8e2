"""The memory problem of a fused graph whose kernels are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from graphopt.analysis.live_ranges import owner
from graphopt.ir import Graph, Node, Value
from graphopt.solver.memory import Buffer, Problem, Step


class MemoryUse(Protocol):
    """What a kernel, or what runs like one, does with memory; see `KernelPlan`."""

    @property
    def scratch_bytes(self) -> int: ...
    @property
    def inplace(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def overlap(self) -> Mapping[tuple[int, int], int]: ...


@dataclass(frozen=True)
class MemoryProblem:
    """A problem and what its parts stand for.

    Attributes:
        nodes: by step.
        values: by buffer, the value that owns it; the buffers of copies follow.
    """

    problem: Problem
    nodes: tuple[Node, ...]
    values: tuple[Value, ...]


def memory_problem(
    graph: Graph,
    plans: Mapping[Node, MemoryUse],
    aliases: Mapping[Value, Value],
    alignment: int,
    *,
    elsewhere: Sequence[Value] = (),
    copied: Sequence[Value] = (),
) -> MemoryProblem:
    """What has to be placed in the arena, and which kernels use it.

    Args:
        plans: the kernel of each node; nodes without one do not run.
        aliases: values that lie in the memory of another.
        elsewhere: owners that need no place in the arena. Constants and values without elements
            need none either.
        copied: outputs of the graph that are copied from their owner after the last step.
    """
    skipped = {*elsewhere, *graph.constants}
    leaving = {owner(value, aliases) for value in graph.outputs}
    steps = [node for node in graph.nodes if node in plans]
    owners = [*graph.inputs, *(value for node in steps for value in node.outputs)]
    values = [v for v in owners if not (v in aliases or v in skipped) and v.type.nbytes]
    index = {value: number for number, value in enumerate(values)}
    entering = set(graph.inputs)
    buffers = [
        Buffer(v.name, v.type.nbytes, at_entry=v in entering, at_exit=v in leaving) for v in values
    ]
    buffers += [Buffer(f"{v.name} (copy)", v.type.nbytes, at_exit=True) for v in copied]

    def placed(used: Sequence[Value]) -> dict[int, int]:
        """By position, the buffer of each value that has one."""
        roots = (owner(value, aliases) for value in used)
        return {at: index[root] for at, root in enumerate(roots) if root in index}

    return MemoryProblem(
        Problem(
            tuple(buffers),
            tuple(
                _step(node, plans[node], placed(node.inputs), placed(node.outputs))
                for node in steps
            ),
            alignment,
        ),
        tuple(steps),
        tuple(values),
    )


def _step(node: Node, plan: MemoryUse, reads: dict[int, int], writes: dict[int, int]) -> Step:
    """The step of a node, permissions counted among the parameters that lie in the arena."""
    read_at = {parameter: at for at, parameter in enumerate(reads)}
    write_at = {parameter: at for at, parameter in enumerate(writes)}

    def known(pair: tuple[int, int]) -> bool:
        return pair[0] in reads and pair[1] in writes

    return Step(
        node.outputs[0].name,
        tuple(reads.values()),
        tuple(writes.values()),
        plan.scratch_bytes,
        tuple((read_at[i], write_at[o]) for i, o in plan.inplace if known((i, o))),
        {
            (read_at[i], write_at[o]): distance
            for (i, o), distance in plan.overlap.items()
            if known((i, o))
        },
    )
