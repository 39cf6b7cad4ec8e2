"""Firmware in the form of C: the same bytes as the interpreter, on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphopt.api import compile
from graphopt.interpreter import evaluate
from graphopt.runtime.firmware import Firmware
from graphopt.testing import assert_close
from tests.frontend.shared_models import FOLDER, sample_inputs
from tests.lower.mcu.host import run_on_host

COMPILERS = ("gcc", "clang")
TARGETS = ("cortex-m0plus", "cortex-m7", "cortex-m55", "rv32imc")


def check(model: object, target: str, compiler: str, folder: Path, samples: int = 3) -> None:
    graph = compile(model, target, stop_after="fused")  # type: ignore[arg-type]
    firmware = compile(model, target, form="source")  # type: ignore[arg-type]
    assert isinstance(firmware, Firmware)
    given = [sample_inputs(graph, seed) for seed in range(samples)]
    found = run_on_host(firmware, given, compiler, folder)
    for inputs, outputs in zip(given, found, strict=True):
        for name, expected in evaluate(graph, inputs).items():
            assert_close(outputs[name], np.asarray(expected), name)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("target", TARGETS)
def test_keyword_spotting(target: str, compiler: str, tmp_path: Path) -> None:
    path = FOLDER / "onnx" / "kws_dscnn_int8_qdq.onnx"
    if not path.exists():
        pytest.skip("needs the shared models")
    check(path, target, compiler, tmp_path)
