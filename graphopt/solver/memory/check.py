"""Whether a problem makes sense, and whether a plan keeps its promises. Knows no planner."""

from __future__ import annotations

import numpy as np

from graphopt.errors import MemoryPlanError
from graphopt.solver.memory.problem import MemoryPlan, Problem, Step

NOBODY = -1
SCRATCH = -2


def check_problem(problem: Problem) -> None:
    """Refuse a problem that has no meaning.

    Raises:
        MemoryPlanError: a negative size, a buffer read before it is there or written twice, or a
            permission for a position that the step does not have.
    """
    if problem.alignment < 1:
        raise MemoryPlanError("alignment", f"expected at least 1 byte, found {problem.alignment}")
    for buffer in problem.buffers:
        if buffer.nbytes < 0:
            raise MemoryPlanError(f"%{buffer.name}", f"expected 0 bytes or more: {buffer.nbytes}")
    there = {i for i, buffer in enumerate(problem.buffers) if buffer.at_entry}
    for step in problem.steps:
        if step.scratch_bytes < 0:
            raise MemoryPlanError(step.name, f"scratch: expected 0 bytes or more: {step}")
        for i in step.reads:
            if i not in there:
                raise MemoryPlanError(
                    step.name, f"reads: expected what was written before, found buffer {i}"
                )
        for i in step.writes:
            if i in there or not 0 <= i < len(problem.buffers):
                raise MemoryPlanError(
                    step.name, f"writes: expected a buffer nobody wrote, found {i}"
                )
            there.add(i)
        for read, write in (*step.inplace, *step.overlap):
            if not (0 <= read < len(step.reads) and 0 <= write < len(step.writes)):
                raise MemoryPlanError(
                    step.name, f"permission: expected a pair of positions, found {(read, write)}"
                )


def check_plan(problem: Problem, plan: MemoryPlan) -> None:
    """Run a plan over an arena in which every byte remembers whose it is.

    Raises:
        MemoryPlanError: a step is missing or runs twice, something lies outside the arena or off
            the alignment, a step reads bytes that are gone, or writes over what it may not.
    """
    if sorted(plan.order) != list(range(len(problem.steps))):
        raise MemoryPlanError("plan", f"expected each step once, found the order {plan.order}")
    owners = np.full(plan.peak, NOBODY)

    def place(where: str, offset: int, nbytes: int) -> slice:
        if offset % problem.alignment or not 0 <= offset <= plan.peak - nbytes:
            raise MemoryPlanError(
                where,
                f"expected {nbytes} bytes at a multiple of {problem.alignment} in an arena of "
                f"{plan.peak}, found offset {offset}",
            )
        return slice(offset, offset + nbytes)

    places = [
        place(f"%{buffer.name}", offset, buffer.nbytes)
        for buffer, offset in zip(problem.buffers, plan.offsets, strict=True)
    ]

    def expect_whole(where: str, buffers: tuple[int, ...]) -> None:
        for i in buffers:
            if (owners[places[i]] != i).any():
                raise MemoryPlanError(
                    where, f"expected %{problem.buffers[i].name} whole, found it written over"
                )

    written = {i for step in problem.steps for i in step.writes}
    entering = [i for i, buffer in enumerate(problem.buffers) if buffer.at_entry]
    leaving = tuple(i for i, buffer in enumerate(problem.buffers) if buffer.at_exit)
    for i in entering:
        owners[places[i]] = i
    expect_whole("entry", tuple(entering))
    for number in plan.order:
        step = problem.steps[number]
        expect_whole(step.name, step.reads)
        _expect_permitted(problem, plan, step)
        scratch = place(f"{step.name} scratch", plan.scratch[number], step.scratch_bytes)
        owners[scratch] = SCRATCH
        expect_untouched = {i for i in step.reads if (owners[places[i]] == SCRATCH).any()}
        for i in step.writes:
            owners[places[i]] = i
        expect_whole(step.name, step.writes)
        if expect_untouched or (owners[scratch] != SCRATCH).any():
            raise MemoryPlanError(step.name, "expected scratch apart from inputs and outputs")
    for i in leaving:
        if i not in written and not problem.buffers[i].at_entry:
            owners[places[i]] = i
    expect_whole("exit", leaving)


def _expect_permitted(problem: Problem, plan: MemoryPlan, step: Step) -> None:
    for r, read in enumerate(step.reads):
        for w, write in enumerate(step.writes):
            start, end = plan.offsets[read], plan.offsets[read] + problem.buffers[read].nbytes
            output = plan.offsets[write]
            if not (output < end and start < output + problem.buffers[write].nbytes):
                continue
            permitted = (r, w) in step.overlap and output - start <= step.overlap[r, w]
            if not permitted and not ((r, w) in step.inplace and output == start):
                raise MemoryPlanError(
                    step.name,
                    f"expected input {r} and output {w} apart, found them at {start} and {output}",
                )
