"""What reports say of models for microcontrollers."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphopt.demo
from graphopt.api import Compilation
from graphopt.report import Report
from graphopt.report.html import render
from graphopt.targets.target import Form

DIGITS = Path(graphopt.demo.__file__).parent / "digits.onnx"


def report(target: str, form: Form = "library") -> Report:
    compilation = Compilation(target, form=form)
    return compilation.report(compilation.lowered(compilation.optimized(DIGITS)))


def test_floats_in_software_are_a_warning_with_its_cost() -> None:
    found = report("cortex-m0plus")
    (note,) = found.notes
    assert note.startswith("cortex-m0plus has no instructions for f32")
    assert "software (stem.relu, " in note and "quantize" in note
    assert note in found.warnings
    assert note in render(found)


@pytest.mark.parametrize("target", ["cortex-m7", "cpu"])
def test_floats_in_hardware_are_none(target: str) -> None:
    assert report(target).notes == ()


def test_c_for_a_core_with_vectors_says_what_it_loses() -> None:
    assert report("cortex-m55").notes == ()
    (note,) = report("cortex-m55", "source").notes
    assert "Helium" in note


def test_report_reads_back() -> None:
    found = report("cortex-m0plus")
    assert Report.from_json(found.to_json()) == found
    assert any(kernel.scratch_bytes for kernel in found.kernels)
