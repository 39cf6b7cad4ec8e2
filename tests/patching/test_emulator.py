"""Random regions on the emulator, many in one program: the bytes of their bodies run whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graphopt.api import Compilation
from graphopt.interpreter import evaluate
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Patched
from graphopt.runtime.firmware import Firmware
from graphopt.testing import random_inputs

from ..targets.mcu.cores import mcu
from .regions import patched

# Programs, and regions in each.
BATCHES, BATCH = 4, 13


def side_by_side(graphs: Sequence[Graph]) -> Graph:
    """Graphs of one region each as one graph; no port is streamed, as a program streams few."""
    nodes: list[Node] = []
    renamed: dict[Value, Value] = {}
    for number, graph in enumerate(graphs):
        (node,) = graph.nodes
        assert isinstance(node.op, Patched)
        ports = (*node.inputs, *node.outputs)
        renamed.update((v, Value(f"{v.name}_of_{number}", v.type)) for v in ports)
        nodes.append(
            Node(
                replace(node.op, streamed_inputs=(), streamed_outputs=()),
                tuple(renamed[v] for v in node.inputs),
                tuple(renamed[v] for v in node.outputs),
            )
        )
    return Graph(
        "regions",
        tuple(renamed[v] for graph in graphs for v in graph.inputs),
        tuple(nodes),
        tuple(renamed[v] for graph in graphs for v in graph.outputs),
        {renamed[v]: array for graph in graphs for v, array in graph.constants.items()},
    )


def test_tiles_give_the_bytes_of_the_whole() -> None:
    mcu("cortex-m7")
    cases = 0

    @settings(
        max_examples=BATCHES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(st.lists(patched(), min_size=BATCH, max_size=BATCH))
    def check(graphs: list[Graph]) -> None:
        nonlocal cases
        graph = side_by_side(graphs)
        compilation = Compilation("cortex-m7")
        firmware = compilation.built(compilation.lowered(graph))
        assert isinstance(firmware, Firmware)
        inputs = random_inputs(graph)
        found = firmware.run(inputs)
        for name, expected in evaluate(graph, inputs).items():
            np.testing.assert_array_equal(found[name], expected)
        assert firmware.bench(inputs).arena.agree
        cases += len(graphs)

    check()
    assert cases >= 50
