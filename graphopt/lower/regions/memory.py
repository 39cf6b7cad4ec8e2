"""The inner arena of a region, and what its outer buffers may share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from graphopt.ir import Value
from graphopt.lower.regions.actions import Action, Run
from graphopt.ops import Patched
from graphopt.patching.firings import Firings, LineBuffer
from graphopt.solver.memory import Buffer, Placed, Problem, Step, placed, plan_memory

Permission = tuple[bool, int | None]
"""Whether an output may start where an input does, and how many bytes after it at most."""


@dataclass(frozen=True)
class InnerArena:
    """Offsets within the scratch of a region.

    Attributes:
        scratch: by step (1 + the position of a node).
        usage: what lies there, live by steps.
    """

    nbytes: int
    offsets: Mapping[Value, int]
    scratch: Mapping[int, int]
    usage: tuple[Placed, ...]


def inner_arena(firings: Firings, actions: Sequence[Action], alignment: int) -> InnerArena:
    """Place line buffers and the scratch of each step.

    Step 0 fetches inputs, step 1 + i runs node i of the body: a buffer is live from the first to
    the last step in which rows in it are needed, at whatever time.
    """
    buffers = list(firings.buffers.values())
    scratch: dict[int, int] = {}
    for action in actions:
        if isinstance(action, Run):
            scratch[action.step] = max(scratch.get(action.step, 0), action.scratch_bytes)
    steps: list[Step] = []
    for number in range(len(firings.op.body.nodes) + 1):
        dying = [i for i, b in enumerate(buffers) if b.live.hi - 1 == number > b.live.lo]
        born = [i for i, b in enumerate(buffers) if b.live.lo == number]
        shared = {
            (r, w): _shared(actions, buffers[dying[r]], buffers[born[w]], number)
            for r in range(len(dying))
            for w in range(len(born))
        }
        steps.append(
            Step(
                f"step {number}",
                tuple(dying),
                tuple(born),
                scratch.get(number, 0),
                tuple(pair for pair, (inplace, _) in shared.items() if inplace),
                {pair: most for pair, (_, most) in shared.items() if most is not None},
            )
        )
    named = tuple(Buffer(b.value.name, b.nbytes) for b in buffers)
    problem = Problem(named, tuple(steps), alignment)
    plan = plan_memory(problem, fixed_order=True)
    return InnerArena(
        plan.peak,
        {buffer.value: offset for buffer, offset in zip(buffers, plan.offsets, strict=True)},
        dict(enumerate(plan.scratch)),
        placed(problem, plan),
    )


def _shared(
    actions: Sequence[Action], source: LineBuffer, target: LineBuffer, step: int
) -> Permission:
    """What every kernel of a step permits of an input that dies there and an output born there.

    Both hold their rows from their start, as nothing is carried in them.
    """
    if source.carried or target.carried:
        return False, None
    inplace, most = True, source.nbytes
    found = False
    for at, action in enumerate(actions):
        if not (isinstance(action, Run) and action.step == step):
            continue
        reads = [(i, s) for i, s in enumerate(action.reads) if s.value is source.value]
        writes = [(o, s) for o, (s, _) in enumerate(action.writes) if s.value is target.value]
        if not reads and not writes:
            continue  # it adds up sums elsewhere
        if not (reads and writes) or _read_again(actions, at, source.value):
            return False, None
        found = True
        plan = action.choice.kernel.plan
        for i, read in reads:
            for o, write in writes:
                inplace = inplace and (i, o) in plan.inplace and read.offset == write.offset == 0
                distance = plan.overlap.get((i, o), -(target.nbytes + source.nbytes))
                most = min(most, distance + read.offset - write.offset)
    apart = most <= -target.nbytes
    return found and inplace, most if found and not apart else None


def _read_again(actions: Sequence[Action], at: int, value: Value) -> bool:
    """Whether what lies in a buffer is needed after the action at `at`."""
    for action in actions[at + 1 :]:
        if any(spot.value is value and not spot.whole for spot in action.reads):
            return True
        if any(spot.value is value and not spot.whole for spot, _ in action.writes):
            return False
    return False


def overlaps(
    op: Patched, constants: Collection[Value], actions: Sequence[Action]
) -> dict[tuple[int, int], int]:
    """By input and output of the region, how far behind the input's start the output may start.

    Of maps that are read and written where they lie: at every write, its end must not pass the
    lowest byte that is still to be read.
    """
    body = op.body
    found: dict[tuple[int, int], int] = {}
    for i, source in enumerate(body.inputs):
        if source in constants:
            continue
        for o, target in enumerate(body.outputs):
            most = _distance(source, target, actions)
            if most > -target.type.nbytes:
                found[i, o] = most
    return found


def _distance(source: Value, target: Value, actions: Sequence[Action]) -> int:
    low: int | None = None
    most = source.type.nbytes
    for action in reversed(actions):
        reads = [s.offset for s in action.reads if s.value is source and s.whole]
        low = min([*reads, *([] if low is None else [low])], default=None)
        for spot, nbytes in action.writes:
            if spot.value is target and spot.whole and low is not None:
                most = min(most, low - spot.offset - nbytes)
    return most
