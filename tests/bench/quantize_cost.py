"""Time and memory of choosing formats: python -m tests.bench.quantize_cost.

Calibration, sensitivities, the program and what follows for MobileNetV2 with 64 images and a
budget of 62% of the weight bytes, in a process of its own that may use two threads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.measure import high_water

from ..models.labelled import Labelled

MODEL = "mobilenetv2_imagenet_fp32_nchw"


def measure(model: str, samples: int) -> dict[str, Any]:
    """Seconds of each step and in all, and the peak of this process's memory in bytes."""
    labelled = Labelled(model, samples)
    floats = graphopt.compile(labelled.path)
    names = [port.name for port in floats.manifest.inputs]
    data = labelled.calibration(lambda feed: list(floats.run(feed).values()), names)
    start = time.perf_counter()
    quantized = graphopt.quantize(labelled.path, data, budget={"weight_bytes": "62%"})
    seconds = time.perf_counter() - start
    steps = dict(quantized.seconds)
    return {"samples": len(data), "seconds": seconds, "steps": steps, "bytes": high_water()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--here", action="store_true", help="print JSON, in this very process")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.model, options.samples)))
        return 0
    command = [sys.executable, "-m", __spec__.name, "--here", "--model", options.model]
    command += ["--samples", str(options.samples)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    table = Table("step", "seconds", box=None)
    for name, seconds in found["steps"].items():
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("all", f"{found['seconds']:.1f}")
    Console().print(table)
    print(f"{found['samples']} samples, peak memory {found['bytes'] / 2**20:.0f} MiB")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
