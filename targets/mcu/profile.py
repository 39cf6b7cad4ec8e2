"""Counts of a run -> what each kernel call executed, and what the driver did between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.cycles import CycleModel
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


@dataclass(frozen=True)
class Executed:
    """What a run is to execute, entries by their index among those that are watched.

    Attributes:
        sites: the entry of each call, as they are written down.
        order: the calls that run, one after the other.
        helpers: entries that are a part of the driver.
        callers: entries of the caller's, whose instructions do not count.
    """

    sites: Sequence[int]
    order: Sequence[int]
    helpers: frozenset[int] = frozenset()
    callers: frozenset[int] = frozenset()


def profile_run(
    segments: Sequence[Segment], expected: Executed, driver: range, model: CycleModel
) -> RunProfile:
    """Divide the segments of one run, which starts in the driver, among its calls.

    Raises:
        EmulatorError: it reached others than expected.
    """
    before, *entered = _whole_calls(segments, driver)
    outside = expected.helpers | expected.callers
    calls = [segment for segment in entered if segment.entry not in outside]
    if [call.entry for call in calls] != [expected.sites[site] for site in expected.order]:
        raise EmulatorError(
            "driver",
            f"expected {len(expected.order)} kernel calls in the manifest's order, "
            f"found {len(calls)} others",
        )
    by_site: list[list[Segment]] = [[] for _ in expected.sites]
    for site, call in zip(expected.order, calls, strict=True):
        by_site[site].append(call)
    helpers = [segment for segment in entered if segment.entry in expected.helpers]
    returns = [
        each.addresses[_inside(each, driver)]
        for each in entered
        if each.entry not in expected.helpers
    ]
    own = np.concatenate([before.addresses, *returns, *(each.addresses for each in helpers)])
    return RunProfile(
        tuple(_count(each, driver, model) for each in by_site),
        _counted([before, *helpers], own, model),
    )


def _count(calls: Sequence[Segment], driver: range, model: CycleModel) -> Count:
    """What the calls of a site executed, without what the driver did after each."""
    executed = [call.addresses[~_inside(call, driver)] for call in calls]
    return _counted(calls, np.concatenate(executed), model)


def _counted(segments: Sequence[Segment], executed: NDArray[np.uint64], model: CycleModel) -> Count:
    return Count(
        int(executed[:, 1].sum()),
        sum(segment.loads for segment in segments),
        sum(segment.stores for segment in segments),
        sum(segment.unaligned for segment in segments),
        model.estimate(executed),
    )


def _whole_calls(segments: Sequence[Segment], driver: range) -> list[Segment]:
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


def _inside(segment: Segment, function: range) -> NDArray[np.bool_]:
    """Which rows of a segment's addresses lie in the driver."""
    addresses = segment.addresses[:, 0]
    return (addresses >= function.start) & (addresses < function.stop)
