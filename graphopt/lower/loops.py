"""Loops in a sequence of steps: what stands several times in a row is written down once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphopt.lower.steps import Call, Loop, Step


def rolled(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same steps with repetitions as loops, nested where their periods are.

    Short periods come first, so that loops over rows lie inside of loops over what takes several.
    """
    names = _Names()
    sequence = [names.of(step) for step in steps]
    period = 1
    while 2 * period <= len(sequence):
        found = _repetitions(np.array(sequence), period)
        for start, count in reversed(found):
            body = tuple(sequence[start : start + period])
            sequence[start : start + period * count] = [names.loop(count, body)]
        period = 1 if found else period + 1
    return tuple(names.steps[number] for number in sequence)


class _Names:
    """Equal steps have one number."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._numbers: dict[object, int] = {}

    def of(self, step: Step) -> int:
        return self._number(_key(step), step)

    def loop(self, count: int, body: tuple[int, ...]) -> int:
        return self._number((count, body), Loop(count, tuple(self.steps[each] for each in body)))

    def _number(self, key: object, step: Step) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.steps)
            self.steps.append(step)
        return self._numbers[key]


def _key(step: Step) -> object:
    """What makes two steps the same; of kernels, the code and not what it was made from."""
    if isinstance(step, Call):
        return step.kernel.key, step.kernel.plan.sizes, step.arguments, step.location
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
