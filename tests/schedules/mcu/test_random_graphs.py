"""Kernels of random quantized graphs, all operators mixed, give the interpreter's results."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graphopt.instruments import Instruments
from graphopt.ir import Graph
from graphopt.lower.placement import is_alias
from graphopt.lower.testing import Region
from graphopt.ops import Fused
from graphopt.pipeline import run_pipeline
from graphopt.targets.mcu.testing import check_mcu_schedule
from tests.quantized_strategies import QuantizedGraph, quantized_graphs

from ...targets.mcu.cores import CORES, mcu
from .test_random_layers import First

OFTEN = ("cortex-m0plus", "cortex-m7")
# Many kernels run in one start of the emulator.
BATCH, BATCHES = 8, 2


def regions_of(graph: Graph) -> list[Region]:
    """The kernels of a fused graph, with the arrays of their constants."""
    regions: list[Region] = []
    for node in graph.nodes:
        if is_alias(node) or any(v.type.elements == 0 for v in (*node.inputs, *node.outputs)):
            continue
        assert isinstance(node.op, Fused)
        body = node.op.body
        known = {i: graph.constants[v] for i, v in enumerate(node.inputs) if v in graph.constants}
        arrays = {body.inputs[i]: array for i, array in known.items()}
        regions.append(Region(body, frozenset(known), arrays))
    return regions


@pytest.mark.parametrize(
    "core", [c if c in OFTEN else pytest.param(c, marks=pytest.mark.slow) for c in CORES]
)
def test_kernels_of_random_graphs(core: str) -> None:
    target = mcu(core)

    @settings(
        max_examples=BATCHES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(st.lists(quantized_graphs(), min_size=BATCH, max_size=BATCH))
    def check(batch: list[QuantizedGraph]) -> None:
        fused = (run_pipeline(case.graph, Instruments()) for case in batch)
        check_mcu_schedule(First(), [r for graph in fused for r in regions_of(graph)], target)

    check()
