"""Accuracy after quantization, beside ONNX Runtime's: python -m tests.bench.quantize_accuracy.

Each model is calibrated on 64 samples (fewer where there is less data) from the end of its
labelled data, which are shuffled, and scored on all others. ONNX Runtime's static quantizer gets
the same samples, per-channel weights, i8 for everything, and the better of its min-max and its
percentile calibration counts with --methods; its models run with exact 8-bit products
(session.x64quantprecision), which its fast AVX2 kernels do not compute.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.ir import Array
from graphopt.quantization.settings import Settings
from graphopt.quantization.weights import ROUNDING_METHODS

from ..models.labelled import Feed, Labelled, names

Session = tuple[Callable[[dict[str, Array]], list[Array]], list[str]]


def ours(model: Any) -> Session:
    """A compiled model as the labelled data want it."""
    inputs = [port.name for port in model.manifest.inputs]
    return (lambda feed: list(model.run(feed).values())), inputs


def onnxruntime_session(path: Path) -> Session:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Fail:  # some of its optimizations break models of its own quantizer
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    return (lambda feed: session.run(None, feed)), [i.name for i in session.get_inputs()]


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Samples one by one, as ONNX Runtime's quantizer reads them."""

    def __init__(self, samples: list[Feed]) -> None:
        self._samples = samples
        self._left: Iterator[Feed] = iter(samples)

    def get_next(self) -> Feed | None:
        return next(self._left, None)


def quantized_by_onnxruntime(model: Path, samples: list[Feed], folder: Path, method: str) -> Path:
    """The QDQ model that its static quantizer makes."""
    newer, prepared, result = (folder / f"{n}.onnx" for n in ("newer", "prepared", method))
    loaded = onnx.load(model)
    if loaded.opset_import[0].version < 13:  # per-channel scales need it
        loaded = onnx.version_converter.convert_version(loaded, 13)
    onnx.save(loaded, newer)
    quant_pre_process(str(newer), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(result),
        Reader(samples),
        per_channel=True,
        calibrate_method=CalibrationMethod[method],
    )
    return result


def measure(name: str, settings: Settings, limit: int, methods: list[str]) -> dict[str, Any]:
    """One row of the table."""
    model = Labelled(name)
    graph = graphopt.compile(model.path, stop_after="canonical")
    plain = ours(graphopt.compile(graph))
    samples = model.calibration(*plain)
    start = time.perf_counter()
    quantized = graphopt.quantize(
        graph,
        samples,
        settings.weights,
        settings.activations,
        ranges=settings.ranges,
        weight_ranges=settings.weight_ranges,
    )
    seconds = time.perf_counter() - start
    row: dict[str, Any] = {
        "model": name,
        "calibrated on": len(samples),
        "seconds": seconds,
        "fp32": model.score(*plain, limit),
        "ours": model.score(*ours(quantized.compile()), limit),
    }
    with tempfile.TemporaryDirectory() as folder:
        for method in methods:
            path = quantized_by_onnxruntime(model.path, samples, Path(folder), method)
            row[f"onnxruntime {method}"] = model.score(*onnxruntime_session(path), limit)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="parts of model names, by commas")
    parser.add_argument("--limit", type=int, default=10**9, help="samples scored per model")
    parser.add_argument("--methods", default="MinMax", help="of ONNX Runtime, by commas; or none")
    parser.add_argument("--ranges", default=Settings.ranges)
    parser.add_argument("--weight-ranges", default=Settings.weight_ranges)
    parser.add_argument("--rounding", choices=ROUNDING_METHODS, default=Settings.rounding)
    parser.add_argument("--weights", type=int, default=8)
    parser.add_argument("--activations", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    methods = [m for m in options.methods.split(",") if m and m != "none"]
    settings = Settings(
        weights=options.weights,
        activations=options.activations,
        ranges=options.ranges,
        weight_ranges=options.weight_ranges,
        rounding=options.rounding,
    )
    table = Table("model", "n", "fp32", "ours", *methods, "loss", "seconds", box=None)
    rows: list[dict[str, Any]] = []
    console = Console(width=150)
    for name in names():
        if not any(part in name for part in options.only.split(",")):
            continue
        row = measure(name, settings, options.limit, methods)
        rows.append(row)
        of = Labelled(name).measure
        numbers = [of(row[key]) for key in ("fp32", "ours", *(f"onnxruntime {m}" for m in methods))]
        cells = [
            name, str(row["fp32"].get("n", "")), *(f"{x:.4f}" for x in numbers),
            f"{numbers[0] - numbers[1]:+.4f}", f"{row['seconds']:.1f}",
        ]  # fmt: skip
        console.print("  ".join(cells))
        table.add_row(*cells)
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
