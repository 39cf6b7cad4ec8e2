"""The precision program: HAWQ-V3's published rows, and its time: python -m tests.bench.precision.

The rows are solved from the published vectors and compared bit for bit. The timed problems have 150
groups of 5 formats under 4 limits (the last one a peak of 60 rows): networks with drawn layers,
then numbers without any structure, which are harder than any network.
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

from graphopt.solver.precision import Choice, Group, Limit, Problem, Row, solve
from graphopt.solver.precision.problem import costs_of

from .hawq import FILE, HawqRow, hawq_rows

GROUPS = 150
FORMATS = {"w2a8": (2, 8), "w4a8": (4, 8), "w8a8": (8, 8), "w16a16": (16, 16), "f32": (32, 32)}
SECONDS = 5.0


@dataclass(frozen=True)
class Timed:
    """One solution: how long it took, and what is proven of it."""

    problem: str
    seconds: float
    cpu_seconds: float
    loss: float
    gap: float
    binding: tuple[str, ...]


def network(seed: int, share: float) -> Problem:
    """Layers of drawn sizes; each limit at `share` of the way from its least to that of w8a8."""
    rng = np.random.default_rng(seed)
    weights = np.exp(rng.uniform(np.log(300), np.log(2e6), GROUPS)).astype(int)
    macs = np.exp(rng.uniform(np.log(1e5), np.log(1e8), GROUPS)).astype(int)
    elements = np.exp(rng.uniform(np.log(1e3), np.log(1e6), GROUPS)).astype(int)
    trace = np.exp(rng.normal(0, 1.5, GROUPS))
    groups = []
    for i in range(GROUPS):
        noise = np.exp(rng.normal(0, 0.3, (2, len(FORMATS))))
        choices = [
            Choice(
                name,
                float(trace[i] * 4.0**-w * noise[0, k]),
                {
                    "weight_bytes": int(weights[i]) * w / 8,
                    "bops": int(macs[i]) * w * a,
                    "latency_us": float(macs[i] / 1e4 * (0.3 + w / 8 * noise[1, k])),
                    "element_bytes": a / 8,
                },
            )
            for k, (name, (w, a)) in enumerate(FORMATS.items())
        ]
        groups.append(Group(f"layer{i}", tuple(choices)))
    rows = tuple(
        Row({f"layer{i}": int(elements[i]) for i in range(step, step + 5)}) for step in range(60)
    )
    return _limited(tuple(groups), share, "w8a8", rows)


def unstructured(seed: int, share: float) -> Problem:
    """Losses that fall and costs that rise by uniformly drawn steps, all limits tight at once."""
    rng = np.random.default_rng(seed)
    names = ("weight_bytes", "bops", "latency_us", "element_bytes")
    loss = np.cumsum(rng.random((GROUPS, len(FORMATS))), 1)[:, ::-1]
    cost = np.cumsum(rng.random((len(names), GROUPS, len(FORMATS))), 2)
    groups = tuple(
        Group(
            f"layer{i}",
            tuple(
                Choice(
                    format,
                    float(loss[i, k]),
                    {name: float(cost[j, i, k]) for j, name in enumerate(names)},
                )
                for k, format in enumerate(FORMATS)
            ),
        )
        for i in range(GROUPS)
    )
    return _limited(groups, share, "f32", (Row({group.name: 1.0 for group in groups}),))


def _limited(groups: tuple[Group, ...], share: float, top: str, rows: tuple[Row, ...]) -> Problem:
    names = ("weight_bytes", "bops", "latency_us")
    wide = tuple(Limit(name, np.inf) for name in names)
    wide += (Limit("peak_bytes", np.inf, rows, "element_bytes"),)
    ends = [
        costs_of(Problem(groups, wide), {group.name: format for group in groups})
        for format in ("w2a8", top)
    ]
    low, high = ([end[limit.name] for limit in wide] for end in ends)
    limits = tuple(
        Limit(limit.name, a + share * (b - a), limit.rows, limit.cost)
        for limit, a, b in zip(wide, low, high, strict=True)
    )
    return Problem(groups, limits)


def timed(name: str, problem: Problem) -> Timed:
    """A problem solved once; what the first call imports is not counted."""
    start, cpu = time.perf_counter(), time.process_time()
    found = solve(problem)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Timed(name, seconds, cpu, found.loss, found.gap, found.binding)


def hawq_table(rows: list[HawqRow]) -> Table:
    """One line per published assignment."""
    table = Table("ResNet18", "bits", "equal", "published loss", "ours", "binding", box=None)
    for row in rows:
        table.add_row(
            row.name,
            "".join(map(str, row.found)),
            "yes" if row.found == row.published else "NO",
            f"{row.published_loss:.5f}",
            f"{row.assignment.loss:.5f}",
            ", ".join(row.assignment.binding),
        )
    return table


def timing_table(rows: list[Timed]) -> Table:
    """One line per problem."""
    table = Table("problem", "seconds", "of CPU", "loss", "gap", "binding", box=None)
    for row in rows:
        table.add_row(
            row.problem,
            f"{row.seconds:.2f}",
            f"{row.cpu_seconds:.2f}",
            f"{row.loss:.6g}",
            f"{row.gap:.1e}" if row.gap else "proven",
            ", ".join(row.binding),
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--seeds", type=int, default=2, help="of each kind of timed problem")
    options = parser.parse_args()
    console = Console(width=120)
    solve(Problem((Group("layer", (Choice("w8a8", 0.0),)),)))
    published = hawq_rows() if FILE.exists() else []
    console.print(hawq_table(published) if published else f"no HAWQ vectors at {FILE}")
    rows = [
        timed(f"{make.__name__} {seed}, limits at {share:.0%}", make(seed, share))
        for make in (network, unstructured)
        for seed in range(options.seeds)
        for share in (0.2, 0.5, 0.8)
    ]
    console.print(timing_table(rows))
    if options.json:
        results = {"hawq": [asdict(row) for row in published], "timed": [asdict(r) for r in rows]}
        options.json.write_text(json.dumps(results, indent=1), "utf-8")
    equal = all(row.found == row.published for row in published)
    return 0 if equal and all(row.seconds < SECONDS for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
