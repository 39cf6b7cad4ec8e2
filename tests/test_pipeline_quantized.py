"""Quantized graphs become integers that stand for what the floats were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph, Value
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.ops import Decode, Encode, Quantize
from graphopt.pipeline import run_pipeline
from graphopt.runtime.model import Model
from graphopt.targets import load_target
from graphopt.testing import assert_close
from tests.quantized_strategies import QuantizedGraph, quantized_graphs

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
# Shrinking these takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
QUICK = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=SLOW, phases=PHASES
)
FEW = settings(QUICK, max_examples=12)
LONG = settings(QUICK, max_examples=3000, derandomize=False, print_blob=True)


def furthest(graph: Graph, found: dict[str, Array], inputs: dict[str, Array]) -> tuple[int, str]:
    """By how many steps a quantizer's result differs at most from that of the floats before it.

    The floats are computed from the integers found: each chain from quantizers to a quantizer is
    held against its own inputs, so that steps do not add up from one to the next.
    """
    values: dict[Value, Array] = dict(graph.constants)
    values |= {value: inputs[value.name] for value in graph.inputs}
    worst = 0, ""
    for node in graph.nodes:
        results = node.op.evaluate(*(values[v] for v in node.inputs))
        for value, expected in zip(node.outputs, results, strict=True):
            values[value] = expected
            if isinstance(node.op, Quantize) and value.name in found:
                apart = found[value.name].astype(np.int64) - expected.astype(np.int64)
                worst = max(worst, (int(np.abs(apart).max(initial=0)), str(node)))
                values[value] = found[value.name]
    return worst


def check(case: QuantizedGraph) -> tuple[Graph, Graph]:
    """The graph at the end of the quantized phase, and of the fused phase.

    The quantized phase keeps every chain within a step; the fused phase changes no bit."""
    graph = run_pipeline(case.graph, Instruments(verify="each"), stop_after="quantized")
    found = evaluate(graph, case.inputs)
    steps, where = furthest(case.graph, found, case.inputs)
    if case.complete:
        assert steps <= 1, where
    fused = run_pipeline(graph, Instruments(verify="each"), start_after="quantized")
    for name, array in evaluate(fused, case.inputs).items():
        np.testing.assert_array_equal(array, found[name])
    return graph, fused


def is_integer(graph: Graph) -> bool:
    """Whether all arithmetic on floats is rounding them to integers, or reading integers."""
    kinds = (Encode, Decode)
    return not any(
        value.type.dtype.is_float and not isinstance(node.op, kinds)
        for node in graph.nodes
        for value in node.outputs
    )


@QUICK
@given(quantized_graphs())
def test_integers_stand_for_what_the_floats_were(case: QuantizedGraph) -> None:
    check(case)


@pytest.mark.slow
@LONG
@given(quantized_graphs(max_steps=12))
def test_integers_of_many_larger_graphs_stand_for_what_the_floats_were(
    case: QuantizedGraph,
) -> None:
    check(case)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CodeCache:
    return CodeCache(tmp_path_factory.mktemp("code-cache"))


def check_compiled(case: QuantizedGraph, cache: CodeCache) -> None:
    """Machine code computes the integers of the interpreter, bit for bit."""
    graph, fused = check(case)
    program = lower_program(fused, load_target("cpu"))
    found = Model(package(program, build(program, cache))).run(case.inputs)
    for name, expected in evaluate(fused, case.inputs).items():
        if is_integer(graph):
            np.testing.assert_array_equal(found[name], expected)
        else:
            assert_close(found[name], expected, name, steps=1)


@FEW
@given(case=quantized_graphs())
def test_compiled_integers(case: QuantizedGraph, cache: CodeCache) -> None:
    check_compiled(case, cache)


@pytest.mark.slow
@settings(LONG, max_examples=300)
@given(case=quantized_graphs(max_steps=12))
def test_compiled_integers_of_many_larger_graphs(case: QuantizedGraph, cache: CodeCache) -> None:
    check_compiled(case, cache)
