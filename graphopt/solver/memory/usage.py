"""What a plan keeps where, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphopt.solver.memory.conflicts import live_ranges
from graphopt.solver.memory.problem import MemoryPlan, Problem
from graphopt.solver.memory.table import tabulate

# Ends the name of the scratch of a step, behind the name of the step.
SCRATCH_SUFFIX = " scratch"


@dataclass(frozen=True)
class Placed:
    """A buffer, or the scratch of a step, in its place.

    `first` and `last` are the positions in the order at which it is live, both included; what
    enters is live from position 0, what leaves to the last.
    """

    name: str
    offset: int
    nbytes: int
    first: int
    last: int


def placed(problem: Problem, plan: MemoryPlan) -> tuple[Placed, ...]:
    """Everything that takes memory, by the position at which it is first live."""
    table = tabulate(problem)
    scratch = [(problem.steps[step], plan.scratch[step]) for step in table.scratch]
    items = [
        *((b.name, at, b.nbytes) for b, at in zip(problem.buffers, plan.offsets, strict=True)),
        *((step.name + SCRATCH_SUFFIX, at, step.scratch_bytes) for step, at in scratch),
    ]
    end = max(len(plan.order) - 1, 0)
    found = [
        Placed(name, offset, nbytes, max(first, 0), min(last, end))
        for (name, offset, nbytes), (first, last) in zip(
            items, live_ranges(table, plan.order), strict=True
        )
        if nbytes
    ]
    return tuple(sorted(found, key=lambda each: each.first))


def fullest(items: Sequence[Placed]) -> int:
    """The first position at which the most bytes are in use; 0 for nothing."""
    positions = sorted({each.first for each in items})
    return max(positions, key=lambda position: _covered(items, position), default=0)


def _covered(items: Sequence[Placed], position: int) -> int:
    """Bytes in use at a position; those that two items share count once."""
    end = total = 0
    spans = ((x.offset, x.offset + x.nbytes) for x in items if x.first <= position <= x.last)
    for low, high in sorted(spans):
        total += max(high - max(low, end), 0)
        end = max(end, high)
    return total
