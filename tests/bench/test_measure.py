"""Measuring: pairs stay pairs, and memory counts one process alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import graphopt.demo
from graphopt.errors import GraphoptError
from graphopt.ir import Array
from graphopt.measure import Times, interleave, onnxruntime_runner, peak_memory, summary

DIGITS = Path(graphopt.demo.__file__).parent / "digits.onnx"
INPUTS = {"image": np.zeros((1, 1, 8, 8), np.float32)}


def test_ratios_are_of_neighbours() -> None:
    assert Times((1.0, 6.0), (2.0, 3.0)).ratios == (0.5, 2.0)
    assert summary((3.0, 1.0, 2.0)) == {"min": 1.0, "median": 2.0, "max": 3.0}


def test_runs_take_turns() -> None:
    order: list[str] = []

    def ours(inputs: Mapping[str, Array]) -> None:
        order.append("ours")

    def other(inputs: Mapping[str, Array]) -> None:
        order.append("other")
        time.sleep(0.002)

    times = interleave(ours, other, {}, seconds=0.0)
    assert len(times.ours) == len(times.other) == 5
    assert order[2:] == ["ours", "other", "other", "ours"] * 2 + ["ours", "other"]
    assert max(times.ratios) < 1


def test_memory_of_a_fresh_process_does_not_count_this_one() -> None:
    ballast = np.ones(60_000_000)
    peak = peak_memory("onnxruntime", DIGITS, INPUTS, 1)
    assert 10_000_000 < peak < ballast.nbytes


def test_a_failed_measurement_says_why(tmp_path: Path) -> None:
    with pytest.raises(GraphoptError, match="measuring graphopt: .*expected an artifact folder"):
        peak_memory("graphopt", tmp_path, INPUTS, 1)


def test_a_model_that_onnxruntime_refuses(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(GraphoptError, match="onnxruntime does not load it"):
        onnxruntime_runner(tmp_path / "m.onnx", 1)
