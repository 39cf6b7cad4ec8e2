"""Mixed precision beside simpler choices of formats: python -m tests.bench.mixed.

Each model is calibrated on 64 samples and scored on all others, as integer networks that run
compiled. At shares of the weight bytes of W8 the precision program's formats are held against

- greedy: all layers in 4 bits, and those raised to 8 that save most loss per byte, one by one;
- W4: all layers in 4 bits, which is half of the weight bytes.

All three round weights in the same way. A row is won or tied where ours is not behind the better
one of the others by more than two standard errors of the difference. One is the square root of
the number of samples on which both networks disagree, by the number of samples.

The rank correlations are those of each sensitivity, predicted on a quarter of the calibration
samples, with the loss measured on another quarter (rounding is learned on the other half): over
all layers and formats, and over the layers in each format.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.ir import Array
from graphopt.quantization.budget import Budget
from graphopt.quantization.choices import Request
from graphopt.quantization.costs import WEIGHT_BYTES
from graphopt.quantization.mixed import MixedPrecision
from graphopt.quantization.procedure import Quantization
from graphopt.quantization.samples import Samples
from graphopt.quantization.settings import Settings
from graphopt.runtime.model import Model

from ..models.labelled import Feed, Labelled
from .greedy import raise_greedily

MODELS = (
    "cifar10_resnet20_fp32",
    "mobilenetv2_imagenet_fp32_nchw",
    "mcunet_in3_fp32",
    "kws_dscnn_fp32",
    "vww96_mobilenetv1_fp32",
    "efficientnet_lite0_imagenet_fp32",
)
SHARES = (1.0, 0.8, 0.62, 0.5)
W8, W4 = "w8a8", "w4a8"


@dataclass(frozen=True)
class Score:
    """A network's accuracy, and the class that it gives each sample."""

    accuracy: float
    classes: tuple[int, ...]

    def error_of_difference(self, other: Score) -> float:
        """Two standard errors."""
        differing = sum(a != b for a, b in zip(self.classes, other.classes, strict=True))
        return 2 * math.sqrt(differing) / len(self.classes)


class Bench:
    """One model, calibrated."""

    def __init__(self, name: str, limit: int, formats: tuple[str, ...]) -> None:
        self.labelled = Labelled(name)
        self.limit = limit
        graph = graphopt.compile(self.labelled.path, stop_after="canonical")
        self.plain = graphopt.compile(graph)
        inputs = [port.name for port in self.plain.manifest.inputs]
        self.samples: list[Feed] = self.labelled.calibration(self._run(self.plain, []), inputs)
        samples = Samples(graph.inputs, self.samples)
        self.quantization = Quantization(graph, samples, Settings())
        self.histograms = self.quantization.calibrate()
        network = self.quantization.network(self.histograms)
        self.mixed = MixedPrecision(network, Request({}, formats))

    @staticmethod
    def _run(model: Model, classes: list[int]) -> Any:
        def run(feed: dict[str, Array]) -> list[Array]:
            outputs = list(model.run(feed).values())
            classes.append(int(outputs[0].argmax()))
            return outputs

        return run

    def score(self, model: Model) -> Score:
        classes: list[int] = []
        inputs = [port.name for port in model.manifest.inputs]
        found = self.labelled.score(self._run(model, classes), inputs, self.limit)
        return Score(self.labelled.measure(found), tuple(classes))

    def quantized(self, formats: Mapping[str, str]) -> Score:
        return self.score(self.quantization.quantized(self.histograms, formats).compile())

    def greedy(self, budget: Budget) -> dict[str, str]:
        """The formats of the layers, after raising the 4-bit ones that gain most."""
        losses = {key: loss for key, loss in self.mixed.losses.items() if key[1] in (W8, W4)}
        chosen = raise_greedily(self.mixed.program(budget).problem(losses), W4)
        groups = self.mixed.options.layers
        return {name: chosen[group] for group, names in groups.items() for name in names}


def measure(name: str, limit: int, formats: tuple[str, ...], correlations: bool) -> dict[str, Any]:
    """Everything about one model."""
    start = time.perf_counter()
    bench = Bench(name, limit, formats)
    layers = [name for names in bench.mixed.options.layers.values() for name in names]
    plain = bench.score(bench.plain)
    w4 = bench.quantized(dict.fromkeys(layers, W4))
    rows: list[dict[str, Any]] = []
    for share in SHARES:
        budget = {WEIGHT_BYTES: f"{100 * share}%"}
        chosen = bench.mixed.choose(budget)
        ours = bench.quantized(chosen.formats)
        greedy = bench.quantized(bench.greedy(budget))
        best = max((greedy, w4), key=lambda score: score.accuracy)
        behind = best.accuracy - ours.accuracy
        rows.append(
            {
                "size": share,
                "ours": ours.accuracy,
                "greedy": greedy.accuracy,
                "W4": w4.accuracy,
                "error": ours.error_of_difference(best),
                "won or tied": behind <= ours.error_of_difference(best),
                "output loss": chosen.assigned.measured,
                "formats": dict(chosen.formats),
            }
        )
    return {
        "model": name,
        "fp32": plain.accuracy,
        "samples": len(plain.classes),
        "rows": rows,
        "rank correlations": bench.mixed.correlations() if correlations else {},
        "seconds": time.perf_counter() - start,
    }


def show(console: Console, found: Mapping[str, Any]) -> None:
    console.print(f"{found['model']}: fp32 {found['fp32']:.1%} of {found['samples']}")
    table = Table("size", "ours", "greedy", "W4", "±", "", box=None)
    for row in found["rows"]:
        table.add_row(
            f"{row['size']:.0%}",
            *(f"{row[key]:.1%}" for key in ("ours", "greedy", "W4", "error")),
            "" if row["won or tied"] else "behind",
        )
    console.print(table)
    for method, values in found["rank correlations"].items():
        console.print(
            f"rank correlation of {method}: "
            + ", ".join(f"{name} {value:.2f}" for name, value in values.items())
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="parts of model names, by commas")
    parser.add_argument("--limit", type=int, default=10**9, help="samples scored per model")
    parser.add_argument("--formats", default="w8a8,w4a8,w2a8", help="to choose from")
    parser.add_argument("--no-correlations", action="store_true", help="leave them out")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    console = Console()
    found: list[dict[str, Any]] = []
    for name in MODELS:
        if not any(part in name for part in options.only.split(",")):
            continue
        formats = tuple(options.formats.split(","))
        found.append(measure(name, options.limit, formats, not options.no_correlations))
        show(console, found[-1])
        if options.json:
            options.json.write_text(json.dumps(found, indent=1))
    return 0 if all(row["won or tied"] for each in found for row in each["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
