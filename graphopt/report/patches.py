"""Gather what a report says of the patched regions of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from graphopt.analysis.live_ranges import live_ranges, owner
from graphopt.analysis.receptive_field import Span
from graphopt.ir import Graph, Node, Value
from graphopt.lower.placement import is_alias
from graphopt.ops import Patched
from graphopt.patching.advice import advise, named, repetitions, size
from graphopt.patching.events import Fetch, Fire, Window
from graphopt.patching.firings import Firings, fire
from graphopt.report.regions import LayerHalo, Occupant, Region, RegionMap, Timeline


def regions_and_timeline(graph: Graph) -> tuple[tuple[Region, ...], Timeline | None]:
    """The regions of a graph in execution order; no timeline where there are none."""
    runs = {node: fire(node.op) for node in graph.nodes if isinstance(node.op, Patched)}
    regions = tuple(_region(f"r{i}", node, runs[node]) for i, node in enumerate(runs))
    return regions, _timeline(graph, runs) if runs else None


def _region(name: str, node: Node, firings: Firings) -> Region:
    op = firings.op
    return Region(
        name=name,
        source=str(node.location),
        nodes=tuple(map(named, op.body.nodes)),
        tile=op.tile,
        form=form(op),
        macs=firings.macs,
        plain_macs=op.body.macs,
        buffer_bytes=sum(buffer.nbytes for buffer in firings.buffers.values()),
        peak_bytes=_peak_bytes(firings),
        moved_bytes=firings.moved_bytes,
        calls=firings.calls,
        maps=tuple(_maps(firings)),
        halo=_halo(firings),
    )


def _halo(firings: Firings) -> LayerHalo | None:
    found = advise(firings)
    if found is None:
        return None
    worst = found.halo
    return LayerHalo(
        named(worst.layer.node),
        size(worst.layer.kernel),
        worst.recomputed_macs,
        worst.held_bytes,
        found.savings,
    )


def form(op: Patched) -> str:
    """How a region runs, in words."""
    last = op.body.outputs[-1]
    inner = [
        keep
        for node, keep in zip(op.body.nodes, op.keep, strict=True)
        if not set(node.outputs) & set(op.body.outputs)
    ]
    strips = last.type.dims[2] > op.tile[1]
    if all(inner):
        return "line buffers in strips of columns" if strips else "line buffers"
    if not any(inner):
        return "tiles, halos computed again"
    return f"rows kept or computed again{', in strips of columns' if strips else ''}"


def _peak_bytes(firings: Firings) -> int:
    steps = range(len(firings.op.body.nodes) + 1)
    buffers = firings.buffers.values()
    return max(sum(b.nbytes for b in buffers if b.live.lo <= i < b.live.hi) for i in steps)


def _maps(firings: Firings) -> Iterator[RegionMap]:
    """The maps in the order of the body, inputs first."""
    op = firings.op
    body = op.body
    producers = body.producers()
    repeated = repetitions(firings)
    written = _written(firings)
    moments = _moments(firings)
    for value in (*body.inputs, *(v for node in body.nodes for v in node.outputs)):
        if value not in written:
            continue
        dims = value.type.dims
        node = producers.get(value)
        buffer = firings.buffers.get(value)
        yield RegionMap(
            name=named(node) if node is not None else value.name,
            rows=dims[1],
            columns=dims[2],
            channels=dims[3],
            held=_held(op, value, node, firings),
            buffer_rows=buffer.rows if buffer else dims[1],
            buffer_columns=buffer.columns if buffer else dims[2],
            nbytes=buffer.nbytes if buffer else value.type.nbytes,
            repetitions=repeated[node] if node is not None else 1.0,
            step=max((window.rows.size for window in written[value]), default=dims[1]),
            strips=tuple(sorted({window.columns.lo for window in written[value]})) or (0,),
            moment=moments[value],
        )


def _held(op: Patched, value: Value, node: Node | None, firings: Firings) -> str:
    body = op.body
    if value not in firings.buffers:
        return "whole"
    if value in {body.inputs[i] for i in op.streamed_inputs}:
        return "streamed in"
    if value in {body.outputs[i] for i in op.streamed_outputs}:
        return "streamed out"
    if node is None or value in body.outputs:
        return "copied"
    return "kept" if op.keep[body.nodes.index(node)] else "computed again"


def _written(firings: Firings) -> dict[Value, list[Window]]:
    """By map, the rectangles that come into it; none for inputs that are held whole."""
    found: dict[Value, list[Window]] = {}
    for event in firings.events:
        for window in _added(event):
            found.setdefault(window.value, []).append(window)
        if isinstance(event, Fire):
            for read in event.inputs:
                if read is not None:
                    found.setdefault(read.value, [])
    return found


def _added(event: object) -> tuple[Window, ...]:
    match event:
        case Fire(outputs=outputs, accumulates=False):
            return outputs
        case Fetch(window):
            return (window,)
        case _:
            return ()


def _moments(firings: Firings) -> dict[Value, tuple[int, int, int, int]]:
    """What lies in memory in the middle of the run, by map: rows and columns."""
    body = firings.op.body
    middle = _middle(firings)
    found = {value: _whole(value) for value in body.inputs if value.type.rank == 4}
    found |= {value: (0, 0, 0, 0) for node in body.nodes for value in node.outputs}
    for event in firings.events[: middle + 1]:
        for window in _added(event):
            rows = Span(window.base, window.rows.hi)
            if window.value not in firings.buffers:
                rows = Span(0, window.rows.hi)
            found[window.value] = (rows.lo, rows.hi, window.columns.lo, window.columns.hi)
    return found


def _middle(firings: Firings) -> int:
    """The number of the event that computes what is nearest to the middle of the last map."""
    last = firings.op.body.nodes[-1]
    found = {
        i: event.outputs[0]
        for i, event in enumerate(firings.events)
        if isinstance(event, Fire) and event.node is last
    }
    height = max(window.rows.hi for window in found.values())
    width = max(window.columns.hi for window in found.values())

    def distance(i: int) -> int:
        rows, columns = found[i].rows, found[i].columns
        return abs(rows.lo + rows.hi - height) + abs(columns.lo + columns.hi - width)

    return min(found, key=distance)


def _whole(value: Value) -> tuple[int, int, int, int]:
    return 0, value.type.dims[1], 0, value.type.dims[2]


def _timeline(graph: Graph, runs: dict[Node, Firings]) -> Timeline:
    starts: list[int] = []  # by node, the number of steps before it
    steps: list[str] = []
    for node in graph.nodes:
        starts.append(len(steps))
        if not is_alias(node):
            inside = runs[node].op.body.nodes if node in runs else (node,)
            steps += map(named, inside)
    starts.append(len(steps))
    flat = _inlined(graph)
    flat_starts = [0]
    for node in flat.nodes:
        flat_starts.append(flat_starts[-1] + (0 if is_alias(node) else 1))
    streamed = _streamed(graph)
    patched = _occupants(graph, starts, streamed)
    for start, node in zip(starts, graph.nodes, strict=False):
        if node in runs:
            patched += _inside(runs[node], start)
    return Timeline(tuple(steps), tuple(_occupants(flat, flat_starts, frozenset())), tuple(patched))


def _occupants(graph: Graph, starts: Sequence[int], aside: frozenset[Value]) -> list[Occupant]:
    """The values of a graph but `aside`, live over steps; `starts`: by node, the steps before."""
    aliases = {node.output: node.inputs[0] for node in graph.nodes if is_alias(node)}
    last = dict.fromkeys(graph.inputs, 0)
    for i, node in enumerate(graph.nodes):
        last.update((owner(value, aliases), i) for value in node.inputs)
    live = [
        (each.values[0], each.first, each.last, each.nbytes) for each in live_ranges(graph, aliases)
    ]
    live += [(value, 0, last[value], value.type.nbytes) for value in graph.inputs]
    return [
        Occupant(value.name, nbytes, starts[first], max(starts[end + 1] - 1, starts[first]))
        for value, first, end, nbytes in live
        if value not in aside and nbytes
    ]


def _inside(firings: Firings, start: int) -> list[Occupant]:
    """Buffers of a region whose first node is step `start`; inputs are fetched in that step."""
    return [
        Occupant(
            b.value.name, b.nbytes, start + max(b.live.lo - 1, 0), start + max(b.live.hi - 2, 0)
        )
        for b in firings.buffers.values()
    ]


def _streamed(graph: Graph) -> frozenset[Value]:
    """Inputs and outputs of the graph that are never held whole."""
    found: set[Value] = set()
    for node in graph.nodes:
        if isinstance(node.op, Patched):
            found.update(node.inputs[i] for i in node.op.streamed_inputs)
            found.update(node.outputs[i] for i in node.op.streamed_outputs)
    return frozenset(found)


def _inlined(graph: Graph) -> Graph:
    """The graph with the nodes of its regions in their places."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node.op, Patched):
            nodes.append(node)
            continue
        body = node.op.body
        outer = dict(zip(body.inputs, node.inputs, strict=True))
        outer.update(zip(body.outputs, node.outputs, strict=True))
        nodes += (
            replace(
                inner,
                inputs=tuple(outer.get(value, value) for value in inner.inputs),
                outputs=tuple(outer.get(value, value) for value in inner.outputs),
            )
            for inner in body.nodes
        )
    return graph.with_nodes(nodes)
