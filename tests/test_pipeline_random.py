"""Each pass and the whole pipeline keep every graph valid and its meaning unchanged."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.passes import load_pass
from graphopt.pipeline import PIPELINE, run_pipeline
from graphopt.testing import random_inputs
from graphopt.text import constants_by_digest, parse_graph, print_graph
from graphopt.verify import verify
from tests.strategies import graphs

# In double precision, so that what cancels in one order of operations and not in another
# stays far below it.
TOLERANCE = 1e-7
CANONICAL = sorted({name for s in PIPELINE if s.phase == "canonical" for name in s.names})
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
QUICK = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=SLOW)
LONG = settings(QUICK, max_examples=5000, derandomize=False, print_blob=True)


def _agree(found: dict[str, Array], expected: dict[str, Array], what: str) -> None:
    assert list(found) == list(expected), what
    for name, want in expected.items():
        assert found[name].dtype == want.dtype and found[name].shape == want.shape, what
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=1.0)
        np.testing.assert_allclose(
            found[name], want, rtol=TOLERANCE, atol=TOLERANCE * float(scale), err_msg=what
        )


def _check(graph: Graph) -> None:
    verify(graph)
    inputs = random_inputs(graph)
    with np.errstate(all="ignore"):
        expected = evaluate(graph, inputs)
        for name in CANONICAL:
            result = load_pass(name).run(graph)
            if result is not graph:
                verify(result)
                _agree(evaluate(result, inputs), expected, name)
        final = run_pipeline(graph, Instruments(verify="each"), stop_after="canonical")
        _agree(evaluate(final, inputs), expected, "the canonical phase")
        again = run_pipeline(final, Instruments(), stop_after="canonical")
        assert print_graph(again) == print_graph(final)


@QUICK
@given(graphs())
def test_passes_keep_the_meaning(graph: Graph) -> None:
    _check(graph)


@pytest.mark.slow
@LONG
@given(graphs(max_steps=16))
def test_passes_keep_the_meaning_of_many_larger_graphs(graph: Graph) -> None:
    _check(graph)


@QUICK
@given(graphs())
def test_text_round_trip(graph: Graph) -> None:
    text = print_graph(graph)
    parsed = parse_graph(text, constants_by_digest(graph))
    assert print_graph(parsed) == text
    verify(parsed)
    inputs = random_inputs(graph)
    with np.errstate(all="ignore"):
        expected, found = evaluate(graph, inputs), evaluate(parsed, inputs)
    for name, want in expected.items():
        np.testing.assert_array_equal(found[name], want)
