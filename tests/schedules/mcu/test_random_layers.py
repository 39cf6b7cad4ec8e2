"""Random layers give the interpreter's bits on every core, whichever kernel takes them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphopt.ir import Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules import schedules_for
from graphopt.targets import McuTarget
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...targets.mcu.cores import CORES, mcu
from .layers import Layer, layers

# Many layers run in one start of the emulator.
BATCH, BATCHES = 40, 5


@dataclass(frozen=True)
class First:
    """What the compiler does: the first schedule that accepts a region."""

    name: str = "first"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        plans = (s.plan(region, target, constant_inputs) for s in schedules_for(target))
        return next((p for p in plans if isinstance(p, KernelPlan)), Reject("no schedule"))


@pytest.mark.parametrize("core", CORES)
def test_random_layers_give_the_bits_of_the_interpreter(core: str) -> None:
    target = mcu(core)
    tried: set[Layer] = set()

    @settings(
        max_examples=BATCHES,
        deadline=None,
        derandomize=True,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    )
    @given(st.lists(layers(), min_size=BATCH, max_size=BATCH, unique=True))
    def check(batch: list[Layer]) -> None:
        check_mcu_schedule(First(), [layer.region() for layer in batch], target)
        tried.update(batch)

    check()
    assert len(tried) >= BATCH * BATCHES
