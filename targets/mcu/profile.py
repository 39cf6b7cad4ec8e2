"""Counts of a run -> what each kernel call executed, and what the driver did between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.cycles import CycleModel
from graphopt.targets.mcu.elf import Symbol
from graphopt.targets.mcu.plugin import Segment


@dataclass(frozen=True)
class Count:
    """What some code executed: exact numbers, and an estimate of its cycles.

    `unaligned` are accesses to memory at an address that is no multiple of what they move.
    """

    instructions: int
    loads: int
    stores: int
    unaligned: int
    cycles: float


@dataclass(frozen=True)
class RunProfile:
    """Counts of the kernel calls in order, and of the driver that makes them.

    Accesses to memory by the driver count with the call that they follow.
    """

    calls: tuple[Count, ...]
    driver: Count


def profile_run(
    segments: Sequence[Segment], expected_calls: Sequence[int], driver: Symbol, model: CycleModel
) -> RunProfile:
    """Divide the segments of one run, which starts in the function `driver`, among its calls.

    `expected_calls` are the indices of the entries that a run must reach, in order.

    Raises:
        EmulatorError: it reached others.
    """
    before, *calls = _whole_calls(segments, driver)
    if [call.entry for call in calls] != list(expected_calls):
        raise EmulatorError(
            driver.name,
            f"expected {len(expected_calls)} kernel calls in the manifest's order, "
            f"found {len(calls)} others",
        )
    returns = [call.addresses[_inside(call, driver)] for call in calls]
    return RunProfile(
        tuple(_count(call, call.addresses[~_inside(call, driver)], model) for call in calls),
        _count(before, np.concatenate([before.addresses, *returns]), model),
    )


def _count(segment: Segment, executed: NDArray[np.uint64], model: CycleModel) -> Count:
    instructions = int(executed[:, 1].sum())
    accesses = segment.loads, segment.stores, segment.unaligned
    return Count(instructions, *accesses, model.estimate(executed))


def _whole_calls(segments: Sequence[Segment], driver: Symbol) -> list[Segment]:
    """One segment for each call.

    A kernel may jump back to its own first instruction, which looks like a new entry; but only
    after the driver ran again is it one.
    """
    whole: list[Segment] = []
    returned = True
    for segment in segments:
        if returned:
            whole.append(segment)
        else:
            whole[-1] = _joined(whole[-1], segment)
        returned = bool(_inside(segment, driver).any())
    return whole


def _joined(first: Segment, second: Segment) -> Segment:
    return Segment(
        first.entry,
        first.instructions + second.instructions,
        first.loads + second.loads,
        first.stores + second.stores,
        first.unaligned + second.unaligned,
        max(first.reach, second.reach),
        np.concatenate([first.addresses, second.addresses]),
    )


def _inside(segment: Segment, function: Symbol) -> NDArray[np.bool_]:
    """Which rows of a segment's addresses lie in `function`."""
    addresses = segment.addresses[:, 0]
    return (addresses >= function.address) & (addresses < function.address + function.nbytes)
