"""The law of requantization against exact arithmetic: python -m tests.bench.requantize.

Draws sums and factors, rescales them by the dyadic law, and counts how many results differ from
the exact product rounded half up, and by how much. Factors are drawn log-uniformly, and taken from
every requantization of the int8 and uint8 models of the shared folder; sums are drawn such that
the results are evenly spread over the range of 8 bits and a little beyond. Those of the models
stay below 2^24, what 1024 products of 8 bits can sum to; the others fill 32 bits.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.ir import Array
from graphopt.ops import Requantize
from graphopt.ops.dyadic import dyadic

from ..frontend.shared_models import FOLDER

# Steps of the result; 8 bits saturate at 255 at the latest.
RANGE = 300
LARGEST, LARGEST_OF_MODELS = 2**31 - 1, 2**24
# f64 products are this close to the exact ones; nearer to a half, fractions decide.
CLOSE = 1e-9
CHUNK = 1_000_000


@dataclass(frozen=True)
class Row:
    """Of `pairs` sums and factors, how many results differ, and by how many steps at most."""

    source: str
    requantizations: int
    pairs: int
    differing: int
    largest: int


def exact(x: Array, factor: Array) -> Array:
    """x * factor, rounded to the nearest integer, halves up; i64."""
    product = x * factor + 0.5
    whole = np.floor(product)
    fraction = product - whole
    for at in np.flatnonzero((fraction < CLOSE) | (fraction > 1 - CLOSE)):
        whole[at] = (
            Fraction(int(x[at])) * Fraction(float(factor[at])) + Fraction(1, 2)
        ).__floor__()
    return np.asarray(whole.astype(np.int64))


def compare(
    source: str, factors: Array, pairs: int, requantizations: int, rng: np.random.Generator
) -> Row:
    """Draw `pairs` sums for factors drawn from these; of no requantizations, of any size."""
    limit = LARGEST_OF_MODELS if requantizations else LARGEST
    differing = largest = 0
    for start in range(0, pairs, CHUNK):
        count = min(CHUNK, pairs - start)
        factor = rng.choice(factors, count)
        reach = np.minimum(RANGE / factor, limit)
        x = np.rint(rng.uniform(-1, 1, count) * reach).astype(np.int64)
        apart = np.abs(dyadic(factor).apply(x) - exact(x, factor))
        differing += int((apart > 0).sum())
        largest = max(largest, int(apart.max(initial=0)))
    return Row(source, requantizations, pairs, differing, largest)


def models(only: str) -> Iterator[tuple[str, list[Array]]]:
    """The factors of every requantization that rounds, per model."""
    for path in sorted(FOLDER.glob("onnx/*int8_qdq.onnx")):
        if only in path.stem:
            graph = graphopt.compile(path, stop_after="quantized")
            yield (
                path.stem,
                [
                    node.op.factor(node.inputs[0].type.rank).reshape(-1)
                    for node in graph.nodes
                    if isinstance(node.op, Requantize) and not node.op.keeps_scale
                ],
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000_000, help="drawn for each range")
    parser.add_argument("--model-pairs", type=int, default=1_000_000, help="drawn for each model")
    parser.add_argument("--only", default="", help="part of the model's name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows = [
        compare(f"2^{low} to 2^{high}", 2.0 ** rng.uniform(low, high, CHUNK), options.pairs, 0, rng)
        for low, high in ((-16, -1), (-24, -16), (-1, 6))
    ]
    for name, factors in models(options.only):
        known = np.concatenate(factors)
        rows.append(compare(name, known, options.model_pairs, len(factors), rng))
    table = Table("factors", "requantizations", "pairs", "differing", "share", "steps", box=None)
    for row in rows:
        share = f"{row.differing / row.pairs:.1e}"
        counts = (row.requantizations, row.pairs, row.differing)
        table.add_row(row.source, *map(str, counts), share, str(row.largest))
    Console(width=110).print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0 if all(row.largest <= 1 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
