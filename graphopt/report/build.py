"""Gather the report from a fused graph and the records of the passes that led to it."""

from collections.abc import Sequence

from graphopt.instruments import PassRecord
from graphopt.ir import Graph, Node
from graphopt.ops import Fused
from graphopt.report.data import Kernel, PassRun


def kernel(node: Node, graph: Graph, name: str, schedule: str, notes: tuple[str, ...]) -> Kernel:
    """The facts of one region of a fused graph."""
    body = node.op.body if isinstance(node.op, Fused) else graph
    weights = {v for v in node.inputs if v in graph.constants}
    moved = [v for v in dict.fromkeys((*node.inputs, *node.outputs)) if v not in weights]
    return Kernel(
        name=name,
        operators=tuple(inner.op.name for inner in body.nodes),
        source=str(node.location) or name,
        schedule=schedule,
        macs=node.macs,
        nbytes=sum(v.type.nbytes for v in moved),
        weight_bytes=sum(v.type.nbytes for v in weights),
        notes=notes,
    )


def pass_runs(records: Sequence[PassRecord]) -> tuple[PassRun, ...]:
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
