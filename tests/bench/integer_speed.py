"""Integers beside floats and beside ONNX Runtime, one thread: python -m tests.bench.integer_speed.

Each float model is quantized to 8 bits; the result runs in turns with the float model, both
compiled by graphopt, and then in turns with ONNX Runtime on the same QDQ file. The QDQ models of
the folder run beside ONNX Runtime only. Ratios are medians of pairs; below 1 graphopt's integers
are faster than ONNX Runtime's, and "times float" says how many times as fast they are as floats.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.measure import interleave, onnxruntime_runner
from graphopt.report.units import duration

from ..frontend.shared_models import FOLDER, sample_inputs

FLOAT_MODELS = (
    "large/resnet50thin_opennsfw_fp32",
    "onnx/cifar10_resnet20_fp32",
    "onnx/efficientnet_lite0_imagenet_fp32",
    "onnx/kws_dscnn_fp32",
    "onnx/mcunet_in3_fp32",
    "onnx/mobilenetv2_imagenet_fp32_nchw",
    "onnx/vww96_mobilenetv1_fp32",
)
CALIBRATION_SAMPLES = 4


@dataclass(frozen=True)
class Row:
    """Seconds of one run, least of all, and medians of the ratios of neighbouring runs."""

    model: str
    integers: float
    floats: float | None
    times_float: float | None
    onnxruntime: float
    ratio: float


def measure(path: Path, seconds: float) -> Row:
    """Time one model; floats are quantized first."""
    graph = graphopt.load_onnx(path)
    inputs = sample_inputs(graph)
    with tempfile.TemporaryDirectory() as folder:
        floats = faster = None
        qdq = path
        if not path.stem.endswith("qdq"):
            samples = [sample_inputs(graph, seed) for seed in range(CALIBRATION_SAMPLES)]
            graphopt.quantize(path, samples).save(folder)
            qdq = Path(folder) / "model.onnx"
        model = graphopt.compile(qdq)
        if qdq is not path:
            times = interleave(graphopt.compile(path).run, model.run, inputs, seconds)
            floats, faster = min(times.ours), median(times.ratios)
        times = interleave(model.run, onnxruntime_runner(qdq, 1), inputs, seconds)
    return Row(path.stem, min(times.ours), floats, faster, min(times.other), median(times.ratios))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the model's name")
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, per pair")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    paths = [FOLDER / f"{name}.onnx" for name in FLOAT_MODELS]
    paths += sorted(FOLDER.glob("onnx/*int8_qdq.onnx"))
    table = Table("model", "integers", "floats", "times float", "onnxruntime", "ratio", box=None)
    rows = [measure(path, options.seconds) for path in paths if options.only in path.stem]
    for row in rows:
        floats = "" if row.floats is None else duration(row.floats * 1e6)
        faster = "" if row.times_float is None else f"{row.times_float:.2f}"
        times = (duration(row.integers * 1e6), floats, faster, duration(row.onnxruntime * 1e6))
        table.add_row(row.model, *times, f"{row.ratio:.2f}")
    if rows:
        mean = math.exp(sum(math.log(row.ratio) for row in rows) / len(rows))
        table.add_row(f"geometric mean of {len(rows)}", "", "", "", "", f"{mean:.2f}")
    Console(width=120).print(table)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
