"""Firmware in the form of C: the same bytes as the interpreter, on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import graphopt.demo
from graphopt.api import compile
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.runtime.firmware import Firmware
from graphopt.testing import assert_close, random_inputs
from graphopt.text import parse_graph
from tests.frontend.shared_models import FOLDER, sample_inputs
from tests.lower.mcu.host import run_on_host
from tests.quantized_strategies import QuantizedGraph, quantized_graphs

CORES = ("cortex-m0plus", "cortex-m7", "cortex-m55", "rv32imc")
FEW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    phases=(Phase.explicit, Phase.generate),
)
# Numbers that C has no words for, or that it would take for others.
CONSTANTS = """
graph g(%x: f32[4], %n: i32[4], %l: i64[2]) {
  %c: f32[4] = constant([1.1, -inf, 16777217.0, 1e-40])
  %d: i32[4] = constant([-2147483648, 2147483647, -1, 7])
  %e: i64[2] = constant([-9223372036854775808, 9223372036854775807])
  %0: f32[4] = max(%x, %c)
  %1: i32[4] = add(%n, %d)
  %2: i32[4] = mul(%1, %d)
  %3: i64[2] = sub(%e, %l)
  %4: f32[4] = abs(%0)
  return %0, %2, %3, %4, %c
}"""


def source(model: str | Path | Graph, core: str) -> Firmware:
    firmware = compile(model, core, form="source")
    assert isinstance(firmware, Firmware)
    return firmware


def check(
    firmware: Firmware,
    fused: Graph,
    samples: Sequence[Mapping[str, Array]],
    compiler: str,
    folder: Path,
) -> None:
    """The firmware computes what the interpreter says of the fused graph."""
    found = run_on_host(firmware, samples, compiler, folder)
    for inputs, outputs in zip(samples, found, strict=True):
        for name, expected in evaluate(fused, inputs).items():
            assert_close(outputs[name], np.asarray(expected), name)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_numbers_at_the_ends_of_their_ranges(compiler: str, tmp_path: Path) -> None:
    graph = parse_graph(CONSTANTS)
    samples = [random_inputs(graph, seed) for seed in range(3)]
    fused = compile(graph, "cortex-m7", stop_after="fused")
    check(source(graph, "cortex-m7"), fused, samples, compiler, tmp_path)


@pytest.mark.parametrize(("core", "compiler"), [("cortex-m4", "gcc"), ("cortex-m0plus", "clang")])
def test_float_network(core: str, compiler: str, tmp_path: Path) -> None:
    path = Path(graphopt.demo.__file__).parent / "digits.onnx"
    fused = compile(path, core, stop_after="fused")
    check(source(path, core), fused, [sample_inputs(fused)], compiler, tmp_path)


def random_network(case: QuantizedGraph, core: str, folder: Path) -> None:
    fused = compile(case.graph, core, stop_after="fused")
    check(source(case.graph, core), fused, [case.inputs], "gcc", folder)


@FEW
@given(quantized_graphs(max_steps=4), st.sampled_from(CORES))
def test_random_quantized_networks(
    tmp_path_factory: pytest.TempPathFactory, case: QuantizedGraph, core: str
) -> None:
    random_network(case, core, tmp_path_factory.mktemp("random"))


@pytest.mark.slow
@settings(FEW, max_examples=150, derandomize=False, print_blob=True)
@given(quantized_graphs(), st.sampled_from(CORES))
def test_many_random_quantized_networks(
    tmp_path_factory: pytest.TempPathFactory, case: QuantizedGraph, core: str
) -> None:
    random_network(case, core, tmp_path_factory.mktemp("random"))


@pytest.mark.parametrize(
    ("core", "compiler"),
    [("cortex-m0plus", "gcc"), ("cortex-m7", "gcc"), ("cortex-m7", "clang"), ("rv32imc", "clang")],
)
def test_keyword_spotting(core: str, compiler: str, tmp_path: Path) -> None:
    path = FOLDER / "onnx" / "kws_dscnn_int8_qdq.onnx"
    if not path.exists():
        pytest.skip("needs the shared models")
    fused = compile(path, core, stop_after="fused")
    samples = [sample_inputs(fused, seed) for seed in range(3)]
    check(source(path, core), fused, samples, compiler, tmp_path)
