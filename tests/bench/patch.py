"""Patched regions on an emulated microcontroller, counted exactly: python -m tests.bench.patch.

For each model and limit: the plan that the search finds, the working memory as planned, as the
header says and as a run touches it, executed multiply-accumulates (F) and instructions as multiples
of those without patches, and on how many output elements of real samples the core and the
interpreter differ (there must be none). Memory counts inputs and outputs, unless they are streamed
or the case sets them aside; what is counted then is the same plan with their bytes elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import graphopt
from graphopt.api import Compilation
from graphopt.errors import BudgetError
from graphopt.interpreter import evaluate as interpret
from graphopt.ir import Array, Graph, Value
from graphopt.lower.arena import arena_bytes
from graphopt.patching.limits import Limits
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.patching.regions import apply_plan
from graphopt.patching.search import search_plan
from graphopt.runtime.firmware import Bench, Firmware
from graphopt.targets import load_target
from graphopt.testing import random_array
from graphopt.text import printed_names

from ..frontend.shared_models import FOLDER
from ..models.feeds import real_feeds
from .chains import chain
from .patch_bars import CASES, CHAINS, MOBILENETV2, SEARCH_SECONDS, Case


@dataclass(frozen=True)
class Row:
    """What was found of one case; sizes in bytes.

    Attributes:
        counted: of the arena, what the case counts.
        macs, instructions: as multiples of those without patches.
        missed: what the search says where it found no plan within the bar: the figures are then
            those of the plan of least memory.
    """

    case: Case
    form: str
    counted: int
    planned: int
    header: int
    touched: int
    macs: float
    executed: int
    instructions: float
    stack: int
    code: int
    samples: int
    elements: int
    differing: int
    search_seconds: float
    missed: str

    @property
    def agree(self) -> bool:
        return self.planned == self.header == self.touched


def measure(case: Case, core: str, samples: int) -> Row:
    """Plan a case, run it on samples, count one inference with and without patches."""
    graph = fused(case.model, core)
    start = time.perf_counter()
    plan, missed = planned(case, graph, core)
    seconds = time.perf_counter() - start
    patched = apply_plan(graph, plan)
    outside = _aside(case, patched)
    firmware = built(patched, core)
    feeds = samples_of(case.model, core, samples)
    found = firmware.run({key: np.stack([feed[key] for feed in feeds]) for key in feeds[0]})
    differing = elements = 0
    for i, feed in enumerate(feeds):
        for key, want in expected(case.model, core, feed).items():
            got: Array = found[key][i].reshape(want.shape)
            elements += want.size
            differing += int((got != want).sum())
    bench = firmware.bench(feeds[0])
    whole = unpatched(case.model, core)
    return Row(
        case,
        form_of(plan),
        arena_bytes(patched, load_target(core), outside) if outside else bench.arena.planned_bytes,
        bench.arena.planned_bytes,
        bench.arena.header_bytes,
        bench.arena.measured_bytes,
        sum(call.macs for call in firmware.manifest.calls) / graph.macs,
        bench.instructions,
        bench.instructions / whole.instructions,
        bench.stack_bytes,
        bench.flash.code_bytes,
        len(feeds),
        elements,
        differing,
        seconds,
        missed,
    )


@cache
def fused(model: str, core: str) -> Graph:
    """The kernels of a model."""
    if model in CHAINS:
        return chain(model)
    return graphopt.compile(_path(model), core, stop_after="fused")


def planned(case: Case, graph: Graph, core: str) -> tuple[PatchPlan, str]:
    """The plan of a case, and why it does not keep the bar if none does."""
    if case.grid:
        return grid(graph, case.grid), ""
    target, outside = load_target(core), _aside(case, graph)

    def search(sram: int | None) -> PatchPlan:
        limits = Limits(sram, macs=case.macs)
        streamed = case.stream
        return search_plan(graph, target, limits, stream_input=streamed, outside=outside).plan

    if case.least:
        return search(None), ""
    try:
        return search(int(case.sram)), ""
    except BudgetError as error:
        return search(None), str(error)


def grid(graph: Graph, patches: int) -> PatchPlan:
    """Patches of the first 28 x 28 x 32 map, halos computed again: the example of MCUNetV2."""
    at = next(i for i, n in enumerate(graph.nodes) if n.outputs[0].type.dims == (1, 28, 28, 32))
    names = printed_names(graph)
    sizes = {node.outputs[0]: node.outputs[0].type.dims[1] for node in graph.nodes[: at + 1]}
    nodes = {names[value]: NodePlan(rows, keep=False) for value, rows in sizes.items()}
    return PatchPlan((RegionPlan(nodes, (28 // patches, 28 // patches)),))


def form_of(plan: PatchPlan) -> str:
    """The regions of a plan in a few words."""
    forms: list[str] = []
    for region in plan.regions:
        kept = sum(node.keep for node in region.nodes.values())
        rows, columns = region.tile
        forms.append(f"{len(region.nodes)} nodes, {kept} kept, {rows}x{columns}")
    return "; ".join(forms)


def built(graph: Graph, core: str) -> Firmware:
    compilation = Compilation(core)
    firmware = compilation.built(compilation.lowered(graph))
    assert isinstance(firmware, Firmware)
    return firmware


@cache
def unpatched(model: str, core: str) -> Bench:
    """One inference without patches."""
    return built(fused(model, core), core).bench(samples_of(model, core, 1)[0])


def samples_of(model: str, core: str, count: int) -> list[dict[str, Array]]:
    """Real samples of a model, random ones of a chain."""
    if model not in CHAINS:
        return real_feeds(model, count)
    (x,) = fused(model, core).inputs
    rng = np.random.default_rng(1)
    return [{x.name: random_array(x.type, rng)} for _ in range(count)]


def expected(model: str, core: str, feed: dict[str, Array]) -> dict[str, Array]:
    """What the interpreter computes."""
    return interpret(fused(model, core) if model in CHAINS else _quantized(model), feed)


@cache
def _quantized(model: str) -> Graph:
    return graphopt.compile(_path(model), stop_after="quantized")


def _path(model: str) -> Path:
    return FOLDER / "onnx" / f"{model}.onnx"


def _aside(case: Case, graph: Graph) -> tuple[Value, ...]:
    inputs = graph.inputs if "input" in case.aside else ()
    return (*inputs, *(graph.outputs if "output" in case.aside else ()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the case's label or model")
    parser.add_argument("--core", default="cortex-m7")
    parser.add_argument("--samples", type=int, default=10, help="on which bytes are compared")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    rows: list[Row] = []
    for case in CASES:
        if options.only.lower() in f"{case.label} {case.model}".lower():
            rows.append(measure(case, options.core, options.samples))
            Console().print(_table(rows[-1:]))
    Console().print(_table(rows))
    for row in rows:
        if row.missed:
            Console().print(f"{row.case.label}: {row.missed}")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 1 if any(row.differing or not row.agree for row in rows) else 0


def _table(rows: list[Row]) -> Table:
    table = Table(
        "case", "regions", "counted", "must", "planned = header = touched", "F", "must",
        "instructions", "must", "others", "differing", "stack", "code", "searched in", box=None,
    )  # fmt: skip
    for row in rows:
        case = row.case
        same = "" if row.agree else "[red]differ: [/]"
        arena = f"{row.planned}" if row.agree else f"{row.planned}, {row.header}, {row.touched}"
        limit = SEARCH_SECONDS if case.model == MOBILENETV2 else None
        table.add_row(
            f"{case.label}{', streamed' if case.stream else ''}",
            row.form,
            _judged(row.counted, case.sram, "{:,}"),
            f"{case.sram:,.0f}",
            same + arena,
            _judged(row.macs, case.macs and case.macs + 1e-9, "{:.3f}"),
            "-" if case.macs is None else f"{case.macs:.2f}",
            f"{row.executed:,} = " + _judged(row.instructions, case.instructions, "{:.3f}x"),
            "-" if case.instructions is None else f"{case.instructions:.2f}x",
            case.peers,
            f"{row.differing} of {row.elements} ({row.samples} samples)",
            str(row.stack),
            str(row.code),
            _judged(row.search_seconds, limit, "{:.1f} s"),
        )
    return table


def _judged(value: float, bar: float | None, form: str) -> str:
    """The number, red where it is more than it must be."""
    text = form.format(value)
    return f"[red]{text}[/]" if bar is not None and value > bar else text


if __name__ == "__main__":
    sys.exit(main())
