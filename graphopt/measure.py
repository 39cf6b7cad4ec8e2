"""Measure a model beside another runtime: times in one process, memory in fresh ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from graphopt.errors import GraphoptError, OptionError
from graphopt.ir import Array

Run = Callable[[Mapping[str, Array]], Any]
RUNTIMES = ("onnxruntime",)


@dataclass(frozen=True)
class Times:
    """Seconds of each run of ours and, pair by pair, of the other runtime's."""

    ours: tuple[float, ...]
    other: tuple[float, ...] = ()

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by theirs, of runs next to each other in time; below 1 is faster."""
        return tuple(a / b for a, b in zip(self.ours, self.other, strict=True))


def interleave(ours: Run, other: Run | None, inputs: Mapping[str, Array], seconds: float) -> Times:
    """Run both in turn, each first every other time, for about `seconds`; at least 5 times."""
    for run in (ours, other):
        if run is not None:
            run(inputs)
    mine: list[float] = []
    theirs: list[float] = []
    start = time.perf_counter()
    while len(mine) < 5 or time.perf_counter() - start < seconds:
        if other is not None and len(mine) % 2:
            theirs.append(_time(other, inputs))
            mine.append(_time(ours, inputs))
            continue
        mine.append(_time(ours, inputs))
        if other is not None:
            theirs.append(_time(other, inputs))
    return Times(tuple(mine), tuple(theirs))


def _time(run: Run, inputs: Mapping[str, Array]) -> float:
    start = time.perf_counter()
    run(inputs)
    return time.perf_counter() - start


def summary(values: tuple[float, ...]) -> dict[str, float]:
    """Least, median and largest."""
    return {"min": min(values), "median": median(values), "max": max(values)}


def onnxruntime_runner(model: Path, threads: int) -> Run:
    """ONNX Runtime with its default optimizations, on `threads` threads.

    Raises:
        OptionError: onnxruntime is not installed.
        GraphoptError: it does not take the model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise OptionError(
            "--against", "onnxruntime is not installed", "pip install onnxruntime"
        ) from error
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
    # onnxruntime's exceptions share no base of their own.
    except Exception as error:
        raise GraphoptError(str(model), f"onnxruntime does not load it: {error}") from error
    return lambda inputs: session.run(None, dict(inputs))


def peak_memory(kind: str, model: Path, inputs: Mapping[str, Array], threads: int) -> int:
    """Bytes at the high-water mark of a fresh process that does one thing with `model`.

    Args:
        kind: "compile" an ONNX file from nothing, run an artifact with "graphopt", or run an
            ONNX file with "onnxruntime".

    Raises:
        GraphoptError: that process failed; the text is the end of what it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inputs.npz"
        np.savez(file, **dict(inputs))  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, "-m", __name__, kind, str(model), str(file), str(threads)],
            env={**os.environ, "GRAPHOPT_CACHE": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise GraphoptError(str(model), f"measuring {kind}: {lines[-1]}")
    return int(json.loads(done.stdout.splitlines()[-1]))


def high_water() -> int:
    """Bytes of this process's largest resident size so far, of which exec starts a new count."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None, "Linux tells VmHWM"
    return int(found.group(1)) * 1024


def _main(kind: str, model: Path, file: Path, threads: int) -> None:
    with np.load(file) as content:
        inputs = dict(content)
    if kind == "compile":
        from graphopt.api import compile

        compile(model, shapes={name: a.shape for name, a in inputs.items()}, threads=threads)
    elif kind == "graphopt":
        from graphopt.runtime.model import load

        loaded = load(model)
        for _ in range(3):
            loaded.run(inputs)
    else:
        run = onnxruntime_runner(model, threads)
        for _ in range(3):
            run(inputs)
    print(high_water())


if __name__ == "__main__":
    try:
        _main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    except GraphoptError as error:
        sys.exit(str(error).splitlines()[0])
