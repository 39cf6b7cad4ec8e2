"""Compile the digits, run them here and on a microcontroller, hold them against a reference."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from graphopt.api import Compilation
from graphopt.demo.firmware import BOARD, FirmwareOutcome, run_firmware
from graphopt.ir import Array
from graphopt.progress import Progress
from graphopt.report import Report
from graphopt.report.artifact import with_report
from graphopt.runtime.artifact import save_artifact


@dataclass(frozen=True)
class Outcome:
    """How well and how fast the compiled model reads the held-out digits.

    `reference_accuracy` is that of ONNX's reference evaluator on the same model.
    """

    images: int
    accuracy: float
    reference_accuracy: float
    largest_difference: float
    microseconds: float
    report: Report
    firmware: FirmwareOutcome


def run_demo(folder: Path, progress: Progress) -> Outcome:
    """Compile the demo model into `folder` and run it on every held-out image.

    The same in 8 bits for a microcontroller goes to the folder `firmware_folder` beside it.
    """
    home = files("graphopt.demo")
    content = home.joinpath("digits.onnx").read_bytes()
    data = np.load(BytesIO(home.joinpath("digits.npz").read_bytes()))
    images: Array = data["images"][:, None, None].astype(np.float32)
    labels: Array = data["labels"]

    compilation = Compilation(progress=progress)
    program = compilation.lowered(compilation.optimized(content))
    model = compilation.model(program)
    progress("running the digits")
    found = np.concatenate([model.run({"image": x})["probabilities"] for x in images])
    profile = model.profile({"image": images[0]}, repeats=50)
    report = compilation.report(program).timed(
        {f"k{i}": each.seconds * 1e6 for i, each in enumerate(profile)}
    )
    save_artifact(with_report(model.artifact, report), folder)
    seconds = _latency(lambda: model.run({"image": images[0]}))
    progress("running the reference")
    expected = _reference(content, images)
    return Outcome(
        images=len(labels),
        accuracy=_accuracy(found, labels),
        reference_accuracy=_accuracy(expected, labels),
        largest_difference=float(np.abs(found - expected).max()),
        microseconds=seconds * 1e6,
        report=report,
        firmware=run_firmware(content, images, labels, firmware_folder(folder), progress),
    )


def firmware_folder(folder: Path) -> Path:
    """Where the firmware goes, for an artifact in `folder`."""
    return folder.with_name(f"{folder.name}-{BOARD}")


def _accuracy(probabilities: Array, labels: Array) -> float:
    return float((probabilities.argmax(1) == labels).mean())


def _latency(run: Callable[[], object], repeats: int = 200) -> float:
    times: list[float] = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return median(times)


def _reference(content: bytes, images: Array) -> Array:
    from onnx import load_from_string
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(load_from_string(content))
    rows = [np.asarray(evaluator.run(["probabilities"], {"image": x})) for x in images]
    return np.concatenate(rows).reshape(len(images), -1)
