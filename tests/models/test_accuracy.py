"""The accuracy column of the models' README, with graphopt as the runner."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from typing import Any

import pytest

import graphopt
from graphopt.ir import Array

from ..frontend.shared_models import FOLDER

README, SCRIPT = FOLDER / "README.md", FOLDER / "eval_models.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason=f"needs {SCRIPT}")
# Outputs of quantized models tie, so that a sample or two may fall the other way.
TIES = 2
SHORT = ("kws_dscnn_fp32", "ic_resnet8_fp32", "silero_vad_step_fp32")


def column() -> dict[str, dict[str, float]]:
    """Measures by model, as the README's table lists them; of a list of numbers the first."""
    found: dict[str, dict[str, float]] = {}
    for line in README.read_text("utf-8").splitlines() if README.is_file() else ():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 11 and cells[1].endswith(".onnx"):
            pairs = re.findall(r"([\w@.]+) (-?[\d.]+)(?=,|$)", cells[11])
            pairs += re.findall(r"([\w@.]+) \[(\d+)", cells[11])
            found[cells[1].removesuffix(".onnx")] = {key: float(value) for key, value in pairs}
    return found


class Runner:
    """A compiled model, called the way eval_models.py calls ONNX Runtime."""

    def __init__(self, path: str) -> None:
        self.model = graphopt.compile(path)
        self.inputs = [port.name for port in self.model.manifest.inputs]

    def __call__(self, feed: dict[str, Array]) -> list[Array]:
        return list(self.model.run(feed).values())


def evaluate(name: str, limit: int, runner: Callable[[str], Any] | None) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("eval_models", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    chosen = {"runner": runner} if runner is not None else {}
    path, data = FOLDER / "onnx", FOLDER / "data"
    results: dict[str, dict[str, Any]] = script.evaluate(
        path, data, only=name, limit=limit, **chosen
    )
    found = results[name]
    assert "error" not in found, found
    return found


@pytest.mark.parametrize("name", SHORT)
def test_few_samples_give_what_onnxruntime_gives(name: str) -> None:
    found, expected = evaluate(name, 20, Runner), evaluate(name, 20, None)
    del found["seconds"], expected["seconds"]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(column()) - {"minimol_gnn_fp32"}))
def test_all_samples_reproduce_the_column(name: str) -> None:
    expected = column()[name]
    if not (FOLDER / "onnx" / f"{name}.onnx").is_file():
        pytest.skip("no labelled data")
    found = evaluate(name, 10**9, Runner)
    slack = 0.0005 + (TIES / expected["n"] if "qdq" in name else 0)
    compared = {key: value for key, value in expected.items() if key in found and key != "n"}
    for key, value in compared.items():
        first = found[key][0] if isinstance(found[key], list) else found[key]
        assert first == pytest.approx(value, abs=slack), key
    assert compared
