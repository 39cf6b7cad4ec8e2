"""Rows of maps over time: the same as in the events of a region."""

from __future__ import annotations

from hypothesis import given, settings

from graphopt.analysis.receptive_field import Reach
from graphopt.ir import Graph
from graphopt.ops import Patched
from graphopt.patching.events import Fire
from graphopt.patching.firings import fire
from graphopt.patching.regions import by_rows, map_of
from graphopt.patching.rows import RowMap, RowNode, RowRun, run_rows

from .regions import patched


def rows_of(op: Patched) -> RowRun:
    nodes: list[RowNode] = []
    for at, node in enumerate(op.body.nodes):
        reaches = by_rows(node)
        assert isinstance(reaches, tuple)
        height = map_of(node).type.dims[1]
        maps = tuple(
            RowMap.of(value, reach, height)
            for value, reach in zip(node.inputs, reaches, strict=True)
            if isinstance(reach, Reach)
        )
        nodes.append(RowNode(node, at, height, maps, op.rows[at], op.keep[at]))
    buffers = fire(op).buffers
    fetched = frozenset(value for value in op.body.inputs if value in buffers)
    outputs = op.body.outputs
    return run_rows(nodes, frozenset(outputs), outputs[-1], op.tile[0], fetched)


@settings(max_examples=100, deadline=None)
@given(patched())
def test_rows_are_those_of_the_events(graph: Graph) -> None:
    (node,) = graph.nodes
    assert isinstance(node.op, Patched)
    firings = fire(node.op)
    run = rows_of(node.op)
    for value, buffer in firings.buffers.items():
        use = run.uses[value]
        assert (use.capacity, use.carried) == (buffer.rows, buffer.carried), value
        first, last = buffer.live.lo - 1, buffer.live.hi - 2
        assert first <= use.live[0] and use.live[1] <= last, value
        if all(node.op.keep):
            assert use.live == (first, last), value
    width = map_of(node.op.body.nodes[-1]).type.dims[2]
    strips = -(-width // node.op.tile[1])
    for inner in node.op.body.nodes:
        fired = [e for e in firings.events if isinstance(e, Fire) and e.node is inner]
        assert len(run.calls[inner]) * strips == len(fired)
        assert sum(run.calls[inner]) * strips == sum(e.outputs[0].rows.size for e in fired)
    if strips == 1:
        slid = sum(run.uses[v].slid * b.row_bytes for v, b in firings.buffers.items())
        assert slid == firings.moved_bytes
