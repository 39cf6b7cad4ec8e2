"""Gather the report of a program and of the passes that led to it."""

from collections.abc import Sequence

from graphopt.analysis.floats import FloatNode
from graphopt.instruments import PassRecord
from graphopt.lower.program import Program
from graphopt.lower.steps import Call
from graphopt.report.data import Buffer, Island, Kernel, PassRun, Report
from graphopt.report.firmware import firmware_notes
from graphopt.report.patches import regions_and_timeline

# Schedules that take whatever the fast ones refuse.
GENERIC = ("generic", "onnx")


def build_report(
    program: Program,
    records: Sequence[PassRecord],
    floats: Sequence[FloatNode] | None = None,
) -> Report:
    """Everything but the compilation's own times."""
    graph = program.graph
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
        kernels=_kernels(program.calls),
        passes=_pass_runs(records),
        arena_bytes=program.arena_bytes,
        buffers=tuple(Buffer(b.name, b.offset, b.nbytes, b.first, b.last) for b in program.buffers),
        floats=None if floats is None else tuple(_island(node) for node in floats),
        notes=firmware_notes(program),
        regions=regions,
        timeline=timeline,
    )


def _island(node: FloatNode) -> Island:
    return Island(node.name, node.operator, node.reason, node.inside)


def _kernels(calls: Sequence[Call]) -> tuple[Kernel, ...]:
    """One row per call; rewrites join locations, so each names only nodes that none before did."""
    claimed: set[str] = set()
    rows: list[Kernel] = []
    for index, call in enumerate(calls):
        names = call.location.split("+")
        new = [name for name in names if name not in claimed]
        claimed.update(names)
        rows.append(_kernel(index, call, "+".join(new or names)))
    return tuple(rows)


def _kernel(index: int, call: Call, source: str) -> Kernel:
    schedule = call.kernel.plan.schedule
    notes: tuple[str, ...] = ()
    if schedule.startswith(GENERIC) and call.macs:
        reasons = "; ".join(f"{name}: {reject.reason}" for name, reject in call.rejected)
        notes = (f"no fast kernel takes it ({reasons})",)
    return Kernel(
        name=f"k{index}",
        operators=call.operators,
        source=source,
        schedule=schedule,
        macs=call.macs,
        nbytes=call.nbytes - call.weight_bytes,
        weight_bytes=call.weight_bytes,
        notes=notes,
        scratch_bytes=call.kernel.plan.scratch_bytes,
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
