"""The report of a real compilation: sources, buffers, notes."""

from pathlib import Path

import pytest

import graphopt.demo
from graphopt.api import Compilation
from graphopt.report import Report

DIGITS = Path(graphopt.demo.__file__).parent / "digits.onnx"


@pytest.fixture(scope="module")
def report() -> Report:
    compilation = Compilation()
    return compilation.report(compilation.lowered(compilation.optimized(DIGITS)))


def test_every_onnx_node_is_named_by_one_kernel(report: Report) -> None:
    names = [name for kernel in report.kernels for name in kernel.source.split("+")]
    assert len(names) == len(set(names))
    assert {"stem", "block2.add", "pool", "classifier", "softmax"} <= set(names)


def test_buffers_fill_the_arena_without_touching_each_other(report: Report) -> None:
    assert max(b.offset + b.nbytes for b in report.buffers) <= report.arena_bytes
    for i, a in enumerate(report.buffers):
        assert 0 <= a.first <= a.last < len(report.kernels)
        for b in report.buffers[:i]:
            apart = a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
            # The later one is born where the earlier one was read last: an operation in place.
            assert apart or a.first > b.last or (a.first == b.last and a.offset == b.offset)


def test_passes_that_worked_and_reasons_of_those_that_did_not(report: Report) -> None:
    runs = {run.name: run for run in report.passes if run.phase == "canonical"}
    assert runs["fold-scale-into-conv"].rewrites >= 6
    assert any(run.rejections for run in report.passes)
    assert report.source == str(DIGITS) and len(report.source_sha256) == 64
