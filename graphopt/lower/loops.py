"""Loops in a sequence of steps: what stands several times in a row is written down once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphopt.lower.steps import Call, Loop, Section, Step


def rolled(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same steps with repetitions as loops, nested where their periods are.

    Short periods come first, so that loops over rows lie inside of loops over what takes several.
    """
    names = Numbered()
    sequence = [names.of(step) for step in steps]
    period = 1
    while 2 * period <= len(sequence):
        found = _repetitions(np.array(sequence), period)
        for start, count in reversed(found):
            body = tuple(names.steps[each] for each in sequence[start : start + period])
            sequence[start : start + period * count] = [names.of(Loop(count, body))]
        period = 1 if found else period + 1
    return tuple(names.steps[number] for number in sequence)


class Numbered:
    """Steps by number; equal ones have the same."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._numbers: dict[object, int] = {}
        self._further = -1

    def of(self, step: Step) -> int:
        key = self._key(step)
        if key not in self._numbers:
            self._numbers[key] = len(self.steps)
            self.steps.append(step)
        return self._numbers[key]

    def further(self) -> int:
        """A number that no step has."""
        self._further -= 1
        return self._further

    def _key(self, step: Step) -> object:
        """What makes two steps the same; of kernels, the code and not what it was made from."""
        match step:
            case Call():
                return step.kernel.key, step.kernel.plan.sizes, step.arguments, step.location
            case Loop(count, body):
                return count, tuple(map(self.of, body))
            case Section(title, body):
                return title, tuple(map(self.of, body))
            case _:
                return step


def _repetitions(sequence: NDArray[np.int64], period: int) -> list[tuple[int, int]]:
    """Where something of length `period` stands at least twice in a row, and how often."""
    same = np.concatenate([[False], sequence[period:] == sequence[:-period], [False]])
    (edges,) = np.nonzero(same[1:] != same[:-1])
    found: list[tuple[int, int]] = []
    end = 0
    for first, last in edges.reshape(-1, 2):
        start = max(int(first), end)
        count = (int(last) - start) // period + 1
        if count > 1:
            end = start + count * period
            found.append((start, count))
    return found
