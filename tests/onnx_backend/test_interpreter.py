"""The ONNX node suite in the interpreter, as imported and as the passes leave it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import pytest

from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.pipeline import run_pipeline

from .lists import read
from .suite import Run, cases, outcome


def run_kernels(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run a graph as the passes leave it."""
    return evaluate(run_pipeline(graph, Instruments(verify="each")), inputs)


@pytest.mark.parametrize("run", [evaluate, pytest.param(run_kernels, marks=pytest.mark.slow)])
def test_every_case_is_right_or_excluded_for_a_reason(run: Run) -> None:
    excluded = read("interpreter_excluded.txt")
    assert list(excluded) == sorted(excluded) and all(excluded.values())
    assert set(excluded) <= set(cases())
    wrong, passing = {}, []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, case in cases().items():
            if excluded.get(name, "").startswith("random"):
                continue  # it would pass by chance now and then
            reason = outcome(case, run)
            if reason and name not in excluded:
                wrong[name] = reason
            if not reason and name in excluded:
                passing.append(name)
    assert not wrong
    assert not passing, "these cases pass now: take them off the list"
