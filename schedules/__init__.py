"""HOW a kernel runs: schedule rules, one folder per family of targets."""

from collections.abc import Sequence
from typing import Any

from graphopt.lower.kernel import Schedule
from graphopt.targets import McuTarget, Target


def schedules_for(target: Target) -> Sequence[Schedule[Any]]:
    """The schedules for a target, in order of preference."""
    if isinstance(target, McuTarget):
        from graphopt.schedules import mcu

        return mcu.SCHEDULES
    from graphopt.schedules import cpu

    return cpu.SCHEDULES
