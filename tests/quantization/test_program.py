"""The program's answers, corrected by measurement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphopt.errors import BudgetError
from graphopt.ir import Array
from graphopt.quantization.evaluate import Change, Outputs
from graphopt.quantization.layers import find_layers
from graphopt.quantization.program import Program, assign
from graphopt.quantization.sensitivity import Losses, Options, Trials, measured
from graphopt.solver.precision import Limit
from graphopt.text import parse_graph

# y = x1 w1 + x2 w2 + x3 w3, each product a layer of its own.
SUM = """
graph g(%x1: f32[1,1], %x2: f32[1,1], %x3: f32[1,1]) {
  %w1: f32[1,1] = constant([[1.0]])
  %w2: f32[1,1] = constant([[1.0]])
  %w3: f32[1,1] = constant([[1.0]])
  %1: f32[1,1] = matmul(%x1, %w1)
  %2: f32[1,1] = matmul(%x2, %w2)
  %3: f32[1,1] = matmul(%x3, %w3)
  %4: f32[1,1] = add(%1, %2)
  %y: f32[1,1] = add(%4, %3)
  return %y
}"""
# Errors of the layers in 4 bits: the first two cancel where both are rounded.
ERRORS = {"1": 0.5, "2": -0.5, "3": 0.25}
COSTS = {(n, f): {"bytes": 8.0 if f == "w8a8" else 4.0} for n in ERRORS for f in ("w8a8", "w4a8")}


def trials() -> Trials:
    graph = parse_graph(SUM)

    def change(layer: str, format: str) -> Change:
        error = ERRORS[layer] if format == "w4a8" else 0.0
        return Change(np.array([[1 + error]], np.float32))

    options = Options(
        {name: (name,) for name in ERRORS}, dict.fromkeys(ERRORS, ("w8a8", "w4a8")), change
    )
    one = np.ones((1, 1), np.float32)
    samples: list[dict[str, Array]] = [
        {"x1": one * (1 + i / 8), "x2": one * (1 + i / 8), "x3": one} for i in range(4)
    ]
    return Trials.compiled(graph, find_layers(graph), options, samples)


def at_most(size: float) -> tuple[Limit, ...]:
    return (Limit("bytes", size),)


def test_measurement_corrects_what_does_not_add_up() -> None:
    given = trials()
    losses = measured(given)
    assert losses["3", "w4a8"] < losses["1", "w4a8"]
    # By single losses layers 3 and 1 or 2 go to 4 bits; in truth those of 1 and 2 cancel.
    found = assign(Program(losses, COSTS, at_most(16)), given)
    assert found.assignment.formats == {"1": "w4a8", "2": "w4a8", "3": "w8a8"}
    assert found.measured == pytest.approx(0, abs=1e-9)
    assert found.assignment.costs == {"bytes": 16}
    assert found.assignment.loss == pytest.approx(losses["1", "w4a8"] + losses["2", "w4a8"])
    assert found.assignment.bound < found.assignment.loss


def test_one_format_for_all_where_nothing_is_better() -> None:
    given = trials()
    found = assign(Program(measured(given), COSTS, at_most(24)), given)
    assert set(found.assignment.formats.values()) == {"w8a8"} and found.measured == 0


def test_chance_does_not_decide() -> None:
    given = trials()
    losses: Losses = dict.fromkeys(COSTS, 0.5)
    seen = 0

    def loss(found: Sequence[Outputs]) -> float:
        nonlocal seen
        seen += 1
        return 1.0

    found = assign(Program(losses, COSTS, at_most(12)), given, loss)
    assert set(found.assignment.formats.values()) == {"w4a8"} and found.measured == 1 and seen


def test_limits_that_cannot_be_held() -> None:
    with pytest.raises(BudgetError, match="bytes"):
        assign(Program(measured(trials()), COSTS, at_most(11)), trials())
