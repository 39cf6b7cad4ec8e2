"""Models on emulated microcontrollers, counted exactly: python -m tests.bench.mcu.

For each core and int8 model: the instructions of one inference beside those of TFLM with CMSIS-NN
and of TinyEngine, the RAM of the plan (inputs and outputs included) beside its proven lower bound
and beside what a run touches, stack, flash, the time to compile, and on how many output elements of
real samples the emulated core and the interpreter differ (there must be none).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.interpreter import evaluate as interpret
from graphopt.ir import Array
from graphopt.runtime.firmware import Firmware

from ..frontend.shared_models import FOLDER
from ..models.feeds import real_feeds
from .mcu_bars import CODE, FLASH, INSTRUCTIONS, MODELS, RAM, Bar


@dataclass(frozen=True)
class Row:
    """What was found of one model on one core; sizes in bytes."""

    model: str
    core: str
    macs: int
    instructions: int
    cycles: float
    arena: int
    arena_lower_bound: int
    arena_touched: int
    stack: int
    flash: int
    weights: int
    samples: int
    elements: int
    differing: int
    compile_seconds: float

    @property
    def code(self) -> int:
        """Flash besides the weights."""
        return self.flash - self.weights


def measure(label: str, core: str, samples: int) -> Row:
    """Compile a model for a core, run it on real samples, count one inference."""
    name = MODELS[label]
    path = FOLDER / "onnx" / f"{name}.onnx"
    start = time.perf_counter()
    firmware = graphopt.compile(path, core)
    assert isinstance(firmware, Firmware)
    seconds = time.perf_counter() - start
    graph = graphopt.compile(path, stop_after="quantized")
    feeds = real_feeds(name, samples)
    found = firmware.run({key: np.stack([feed[key] for feed in feeds]) for key in feeds[0]})
    differing = elements = 0
    for i, feed in enumerate(feeds):
        for key, want in interpret(graph, feed).items():
            got: Array = found[key][i].reshape(want.shape)
            elements += want.size
            differing += int((got != want).sum())
    bench = firmware.bench(feeds[0])
    manifest = firmware.manifest
    return Row(
        label,
        core,
        sum(call.macs for call in manifest.calls),
        bench.instructions,
        bench.cycles,
        bench.arena.planned_bytes,
        manifest.arena_lower_bound,
        bench.arena.measured_bytes,
        bench.stack_bytes,
        bench.flash.total_bytes,
        bench.flash.weights_bytes,
        len(feeds),
        elements,
        differing,
        seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the model's label")
    parser.add_argument("--cores", default=",".join(INSTRUCTIONS), help="comma-separated")
    parser.add_argument("--samples", type=int, default=50, help="on which bytes are compared")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    rows: list[Row] = []
    for core in options.cores.split(","):
        for label in MODELS:
            if options.only.lower() in label.lower():
                rows.append(measure(label, core, options.samples))
                Console().print(_table(rows[-1:]))
    Console().print(_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    wrong = any(row.differing or row.arena != row.arena_touched for row in rows)
    return 1 if wrong else 0


def _table(rows: list[Row]) -> Table:
    table = Table(
        "core", "model", "instructions", "per MAC", "must, aim", "TFLM, TinyEngine",
        "RAM (bound; touched)", "must", "TFLM, TinyEngine", "stack",
        "flash = weights + code", "TFLM, TinyEngine", "differing", "compiled in", box=None,
    )  # fmt: skip
    for row in rows:
        name = MODELS[row.model]
        count = INSTRUCTIONS.get(row.core, {}).get(name, Bar())
        ram, flash = RAM.get(name, Bar()), FLASH.get(name, Bar())
        table.add_row(
            row.core,
            row.model,
            _judged(row.instructions, count),
            f"{row.instructions / row.macs:.2f}",
            f"{_count(count.must)}, {_count(count.aim)}",
            f"{_count(count.tflm)}, {_count(count.tinyengine)}",
            f"{_judged(row.arena, ram)} ({row.arena_lower_bound}; {row.arena_touched})",
            _count(ram.must),
            f"{_count(ram.tflm)}, {_count(ram.tinyengine)}",
            str(row.stack),
            f"{row.flash} = {row.weights} + {_judged(row.code, CODE)}",
            f"{_count(flash.tflm)}, {_count(flash.tinyengine)}",
            f"{row.differing} of {row.elements} ({row.samples} samples)",
            f"{row.compile_seconds:.1f} s",
        )
    return table


def _judged(value: int, bar: Bar) -> str:
    """The number, red where it is more than it must be and green where it is what is aimed at."""
    if bar.must is not None and value > bar.must:
        return f"[red]{value}[/]"
    return f"[green]{value}[/]" if bar.aim is not None and value <= bar.aim else str(value)


def _count(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
