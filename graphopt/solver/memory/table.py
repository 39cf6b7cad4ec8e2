"""A memory problem in whole units of its alignment, ready for search."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.solver.memory.problem import Problem, Step


@dataclass(frozen=True)
class Sharing:
    """Where an output may lie although it meets an input that dies as the output is written.

    Attributes:
        most: at most this many units after the start of the input; minus the output's size where
            nothing but lying wholly below is permitted.
        inplace: or at the start of the input.
        saved: by how many units the two overlap at most.
    """

    most: int
    inplace: bool
    saved: int


@dataclass(frozen=True)
class Table:
    """Items are the buffers, then the scratch of each step that has any.

    Sets of steps are integers, one bit per step.

    Attributes:
        sizes: by item, in units.
        writers: by item, the step that writes it; None where none does.
        readers: by item, the steps that read it.
        entering, leaving: by item, whether it is there before the first or after the last step.
        reads, writes: by step, the items, each once; scratch is written by its step.
        preceding: by step, the steps whose outputs it reads.
        following: by step, the steps that read its outputs, in order.
        sharing: by (input, output), what the step that writes the output permits.
        scratch: by step, the item that is its scratch.
    """

    sizes: tuple[int, ...]
    writers: tuple[int | None, ...]
    readers: tuple[int, ...]
    entering: tuple[bool, ...]
    leaving: tuple[bool, ...]
    reads: tuple[tuple[int, ...], ...]
    writes: tuple[tuple[int, ...], ...]
    preceding: tuple[int, ...]
    following: tuple[tuple[int, ...], ...]
    sharing: dict[tuple[int, int], Sharing]
    scratch: dict[int, int]

    @property
    def steps(self) -> int:
        return len(self.reads)

    def dies(self, item: int, done: int) -> bool:
        """Whether nothing needs `item` any more after the set `done` of steps."""
        return not self.leaving[item] and not self.readers[item] & ~done

    def read_by(self, item: int) -> list[int]:
        """The steps that read `item`, in order."""
        return members(self.readers[item])

    def growth(self, step: int, done: int) -> tuple[int, int]:
        """Units that `step` needs, and that it leaves live, on top of what is live before it.

        The first figure is a lower bound: it takes every sharing at its best, whether or not all
        can be had together.

        Args:
            done: the steps before it.
        """
        after = done | 1 << step
        dying = [item for item in self.reads[step] if self.dies(item, after)]
        written = sum(self.sizes[item] for item in self.writes[step])
        gone = sum(self.sizes[item] for item in dying)
        gone += sum(self.sizes[item] for item in self.writes[step] if self.dies(item, after))
        return written - self.saved(step, dying), written - gone

    def saved(self, step: int, dying: list[int]) -> int:
        """Units that outputs of `step` can share at most with inputs that die there."""
        shared = {
            (a, b): self.sharing[a, b].saved
            for a in dying
            for b in self.writes[step]
            if (a, b) in self.sharing
        }
        if not shared:
            return 0
        by_input = (
            min(self.sizes[a], sum(saved for (x, _), saved in shared.items() if x == a))
            for a in dying
        )
        by_output = (
            min(self.sizes[b], sum(saved for (_, y), saved in shared.items() if y == b))
            for b in self.writes[step]
        )
        return min(sum(by_input), sum(by_output))


def members(steps: int) -> list[int]:
    """The steps of a set, in order."""
    return [step for step in range(steps.bit_length()) if steps >> step & 1]


def tabulate(problem: Problem) -> Table:
    """The table of a problem that makes sense."""
    steps, unit = problem.steps, problem.alignment
    scratch = {
        step: len(problem.buffers) + number
        for number, step in enumerate(s for s, each in enumerate(steps) if each.scratch_bytes)
    }
    count = len(problem.buffers) + len(scratch)
    sizes = [-(-buffer.nbytes // unit) for buffer in problem.buffers]
    sizes += [-(-steps[step].scratch_bytes // unit) for step in scratch]
    writers: list[int | None] = [None] * count
    readers = [0] * count
    for number, step in enumerate(steps):
        for item in step.writes:
            writers[item] = number
        for item in step.reads:
            readers[item] |= 1 << number
    for number, item in scratch.items():
        writers[item] = number
    preceding = [0] * len(steps)
    following: list[list[int]] = [[] for _ in steps]
    for number, step in enumerate(steps):
        for writer in {w for item in step.reads if (w := writers[item]) is not None}:
            preceding[number] |= 1 << writer
            following[writer].append(number)
    return Table(
        tuple(sizes),
        tuple(writers),
        tuple(readers),
        tuple(b.at_entry for b in problem.buffers) + (False,) * len(scratch),
        tuple(b.at_exit for b in problem.buffers) + (False,) * len(scratch),
        tuple(tuple(dict.fromkeys(step.reads)) for step in steps),
        tuple(
            (*step.writes, scratch[number]) if number in scratch else step.writes
            for number, step in enumerate(steps)
        ),
        tuple(preceding),
        tuple(map(tuple, following)),
        {pair: s for step in steps for pair, s in _sharing(step, sizes, unit).items()},
        scratch,
    )


def _sharing(step: Step, sizes: list[int], unit: int) -> dict[tuple[int, int], Sharing]:
    found: dict[tuple[int, int], Sharing] = {}
    for w, b in enumerate(step.writes):
        for a in dict.fromkeys(step.reads):
            positions = [(r, w) for r, read in enumerate(step.reads) if read == a]
            apart = -sizes[b]
            limits = [max(step.overlap.get(p, apart * unit) // unit, apart) for p in positions]
            inplace = all(
                p in step.inplace or most >= 0 for p, most in zip(positions, limits, strict=True)
            )
            most = min(limits)
            if inplace or most > apart:
                saved = sizes[b] if inplace or most >= 0 else most + sizes[b]
                found[a, b] = Sharing(most, inplace, min(sizes[a], saved))
    return found
