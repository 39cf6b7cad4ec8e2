"""Gather the report of a program and of the passes that led to it."""

from collections.abc import Sequence

from graphopt.analysis.floats import FloatNode
from graphopt.instruments import PassRecord
from graphopt.lower.program import Program
from graphopt.lower.steps import Call
from graphopt.ops import Patched
from graphopt.report.data import Buffer, Island, Kernel, PassRun, Report
from graphopt.report.firmware import firmware_notes
from graphopt.report.patches import regions_and_timeline

Site = tuple[Call, int]
"""A call as it is written down, and how often it runs."""
# Schedules that take whatever the fast ones refuse.
GENERIC = ("generic", "onnx")


def build_report(
    program: Program,
    records: Sequence[PassRecord],
    floats: Sequence[FloatNode] | None = None,
) -> Report:
    """Everything but the compilation's own times."""
    graph = program.graph
    rows = _rows(program)
    regions, timeline = regions_and_timeline(graph)
    return Report(
        model=graph.name,
        target=program.target.name,
        threads=program.target.threads,
        inputs=tuple(f"{v.name}: {v.type}" for v in graph.inputs),
        outputs=tuple(
            f"{n}: {v.type}" for n, v in zip(graph.output_names, graph.outputs, strict=True)
        ),
        imported_nodes=len(graph.nodes),
        weight_bytes=program.weights.nbytes,
        kernels=_kernels(program.sites, rows),
        passes=_pass_runs(records),
        arena_bytes=program.arena_bytes,
        buffers=_buffers(program, rows),
        floats=None if floats is None else tuple(_island(node) for node in floats),
        notes=firmware_notes(program),
        regions=regions,
        timeline=timeline,
    )


def _island(node: FloatNode) -> Island:
    return Island(node.name, node.operator, node.reason, node.inside)


def _rows(program: Program) -> tuple[tuple[int, ...], ...]:
    """By row of the kernels, the numbers of its call sites.

    A row is a call site, but in regions a node and a schedule: it has sites for tiles of each size.
    """
    regions = (node.op.body for node in program.graph.nodes if isinstance(node.op, Patched))
    inside = {str(node.location) for body in regions for node in body.nodes}
    rows: dict[tuple[str, str] | int, list[int]] = {}
    for index, (call, _) in enumerate(program.sites):
        key = (call.location, call.kernel.plan.schedule) if call.location in inside else index
        rows.setdefault(key, []).append(index)
    return tuple(map(tuple, rows.values()))


def _kernels(sites: Sequence[Site], rows: Sequence[Sequence[int]]) -> tuple[Kernel, ...]:
    """Rewrites join locations, so each row names only nodes that none before did."""
    claimed: set[str] = set()
    found: list[Kernel] = []
    for number, row in enumerate(rows):
        first, _ = sites[row[0]]
        names = first.location.split("+")
        new = [name for name in names if name not in claimed]
        claimed.update(names)
        found.append(_kernel(f"k{number}", [sites[i] for i in row], "+".join(new or names)))
    return tuple(found)


def _kernel(name: str, sites: Sequence[Site], source: str) -> Kernel:
    first, _ = sites[0]
    return Kernel(
        name=name,
        operators=first.operators,
        source=source,
        schedule=first.kernel.plan.schedule,
        macs=sum(call.macs * times for call, times in sites),
        nbytes=sum((call.nbytes - call.weight_bytes) * times for call, times in sites),
        weight_bytes=max(call.weight_bytes for call, _ in sites),
        notes=tuple(dict.fromkeys(note for call, _ in sites for note in _notes(call))),
        scratch_bytes=max(call.kernel.plan.scratch_bytes for call, _ in sites),
        calls=sum(times for _, times in sites),
    )


def _notes(call: Call) -> tuple[str, ...]:
    if not call.kernel.plan.schedule.startswith(GENERIC) or not call.macs:
        return ()
    reasons = "; ".join(f"{name}: {reject.reason}" for name, reject in call.rejected)
    return (f"no fast kernel takes it ({reasons})",)


def _buffers(program: Program, rows: Sequence[Sequence[int]]) -> tuple[Buffer, ...]:
    """What lies in the arena, live over rows of the kernels."""
    row_of = {site: number for number, row in enumerate(rows) for site in row}
    spans = [
        [row_of[i] for i in range(b.first, b.last + 1) if i in row_of] for b in program.buffers
    ]
    return tuple(
        Buffer(b.name, b.offset, b.nbytes, min(span, default=0), max(span, default=0))
        for b, span in zip(program.buffers, spans, strict=True)
    )


def _pass_runs(records: Sequence[PassRecord]) -> tuple[PassRun, ...]:
    """One line per pass and phase: times and rewrites added up, the rejections of the last run."""
    merged: dict[tuple[str, str], list[PassRecord]] = {}
    for record in records:
        merged.setdefault((record.phase, record.name), []).append(record)
    return tuple(
        PassRun(
            name=name,
            phase=phase,
            milliseconds=sum(r.seconds for r in runs) * 1e3,
            rewrites=sum(r.rewrites for r in runs),
            nodes_before=runs[0].nodes_before,
            nodes_after=runs[-1].nodes_after,
            rejections=tuple((r.where, r.reason) for r in runs[-1].rejections),
        )
        for (phase, name), runs in merged.items()
    )
