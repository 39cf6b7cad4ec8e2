"""Quantized models on real samples: bits, TFLite, accuracy: python -m tests.bench.integer.

For each int8 or uint8 model of the shared folder: on how many output elements of the samples the
compiled model and the interpreter differ (there must be none), how many equal those of the TFLite
original (ai-edge-litert), and its accuracy beside that of the models' README.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.interpreter import evaluate as interpret
from graphopt.ir import Array

from ..frontend.shared_models import FOLDER
from ..models.test_accuracy import Runner, column, evaluate
from ..models.tflite import TFLITE, tflite_runner

EVERYTHING = 10_000
Feed = dict[str, Array]


@dataclass(frozen=True)
class Row:
    """What was found of one model; `tflite` is None where there is no original."""

    model: str
    samples: int
    elements: int
    differing: int
    tflite: float | None
    accuracy: dict[str, float]
    expected: dict[str, float]


class Recorder(Runner):
    """A compiled model that keeps what it is fed."""

    def __init__(self, path: str, feeds: list[Feed], most: int) -> None:
        super().__init__(path)
        self.feeds = feeds
        self.most = most

    def __call__(self, feed: Feed) -> list[Array]:
        if len(self.feeds) < self.most:
            self.feeds.append(dict(feed))
        return super().__call__(feed)


def measure(path: Path, samples: int, limit: int) -> Row:
    """Score a model on all its data, and compare bits on the first `samples` of it."""
    name = path.stem
    feeds: list[Feed] = []
    found = evaluate(name, limit, lambda file: Recorder(file, feeds, samples))
    graph = graphopt.compile(path, stop_after="quantized")
    model = graphopt.compile(path)
    original = tflite_runner(name) if name in TFLITE else None
    elements = differing = same = 0
    for feed in feeds:
        ours = list(model.run(feed).values())
        for got, want in zip(ours, interpret(graph, feed).values(), strict=True):
            elements += got.size
            differing += int((got != want).sum())
        if original is not None:
            same += sum(
                int((a.reshape(-1) == b.reshape(-1)).sum())
                for a, b in zip(ours, original(feed), strict=True)
            )
    expected = column()[name]
    accuracy = {key: float(found[key]) for key in expected if key in found}
    share = same / elements if original is not None else None
    return Row(name, len(feeds), elements, differing, share, accuracy, expected)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the model's name")
    parser.add_argument("--samples", type=int, default=100, help="on which bits are compared")
    parser.add_argument("--limit", type=int, default=EVERYTHING, help="of samples to score")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    table = Table("model", "samples", "differing bits", "equal to TFLite", "accuracy", box=None)
    rows: list[Row] = []
    for path in sorted(FOLDER.glob("onnx/*int8_qdq.onnx")):
        if options.only not in path.stem:
            continue
        row = measure(path, options.samples, options.limit)
        rows.append(row)
        scores = ", ".join(
            f"{key} {value:.3f} ({row.expected[key]:.3f})"
            for key, value in row.accuracy.items()
            if not key.startswith("n")
        )
        share = "-" if row.tflite is None else f"{100 * row.tflite:.2f}%"
        differing = f"{row.differing} of {row.elements}"
        table.add_row(row.model, str(row.samples), differing, share, scores)
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 1 if any(row.differing for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
