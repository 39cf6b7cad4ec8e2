"""Counts are divided among calls and driver; a loop to a kernel's first instruction is no call."""

import numpy as np
import pytest

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.cycles import CycleModel
from graphopt.targets.mcu.plugin import Segment
from graphopt.targets.mcu.profile import Executed, profile_run

DRIVER = range(0x100, 0x120)
ADDRESSES = np.arange(0x100, 0x300, 2, dtype=np.uint64)
ONE_EACH = CycleModel(ADDRESSES, np.ones(len(ADDRESSES)), np.zeros(len(ADDRESSES)))


ONCE = Executed([0], [0])


def segment(entry: int | None, *rows: tuple[int, int]) -> Segment:
    addresses = np.array(rows, np.uint64).reshape(-1, 2)
    return Segment(entry, int(addresses[:, 1].sum()), 3, 1, 0, 0, addresses)


def test_calls_and_driver() -> None:
    segments = [
        segment(None, (0x100, 1), (0x102, 1)),
        segment(0, (0x200, 4), (0x202, 4), (0x104, 1)),
        segment(1, (0x240, 7), (0x106, 1), (0x108, 1)),
    ]
    profile = profile_run(segments, Executed([0, 1], [0, 1]), DRIVER, ONE_EACH)
    assert [call.instructions for call in profile.calls] == [8, 7]
    assert profile.driver.instructions == 5
    assert [call.cycles for call in profile.calls] == [8, 7]
    assert profile.driver.cycles == 5


def test_a_loop_to_the_first_instruction() -> None:
    again = [segment(0, (0x200, 1), (0x202, 1))] * 3
    last = segment(0, (0x200, 1), (0x202, 1), (0x204, 1), (0x104, 1))
    profile = profile_run([segment(None, (0x100, 1)), *again, last], ONCE, DRIVER, ONE_EACH)
    (call,) = profile.calls
    assert (call.instructions, call.loads, call.stores) == (9, 12, 4)
    assert call.cycles == 9


@pytest.mark.parametrize("expected", [[0, 0], [1], []])
def test_other_calls_than_the_manifest_says(expected: list[int]) -> None:
    segments = [segment(None, (0x100, 1)), segment(0, (0x200, 1), (0x104, 1))]
    with pytest.raises(EmulatorError, match="driver: expected .* kernel calls"):
        profile_run(segments, Executed(expected, range(len(expected))), DRIVER, ONE_EACH)
