"""Compile every model of a folder and time it beside ONNX Runtime: python -m tests.bench.models.

Prints one line per model and the geometric mean of the ratios of medians: below 1 graphopt is
faster. Both run in one process, in turns, on the threads asked for.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.errors import GraphoptError
from graphopt.measure import interleave, onnxruntime_runner, summary
from graphopt.report.units import duration

from ..frontend.shared_models import FOLDER, MINIMOL, minimol_inputs, sample_inputs


def measure(path: Path, threads: int, seconds: float) -> tuple[float, float, float]:
    """Median seconds of graphopt, of ONNX Runtime, and of their ratio pair by pair."""
    inputs = minimol_inputs() if path == MINIMOL else sample_inputs(graphopt.load_onnx(path))
    shapes = {name: array.shape for name, array in inputs.items()}
    model = graphopt.compile(path, shapes=shapes, threads=threads)
    times = interleave(model.run, onnxruntime_runner(path, threads), inputs, seconds)
    median = [summary(each)["median"] for each in (times.ours, times.other, times.ratios)]
    return median[0], median[1], median[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="part of the model's name")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, per model")
    options = parser.parse_args()
    table = Table("model", "graphopt", "onnxruntime", "ratio", box=None)
    ratios: list[float] = []
    failed = 0
    for path in sorted(options.folder.rglob("*.onnx")):
        if options.only not in path.stem:
            continue
        try:
            ours, other, ratio = measure(path, options.threads, options.seconds)
        except GraphoptError as error:
            failed += 1
            table.add_row(path.stem, "failed", str(error).splitlines()[0], "")
            continue
        ratios.append(ratio)
        table.add_row(path.stem, duration(ours * 1e6), duration(other * 1e6), f"{ratio:.2f}")
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        table.add_row(f"geometric mean of {len(ratios)}", "", "", f"{mean:.2f}")
    Console().print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
