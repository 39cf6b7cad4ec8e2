"""What regions take: memory and work of every region that ends at some node, in some form."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graphopt.analysis.live_ranges import owner
from graphopt.analysis.receptive_field import NotSpatial, Reach, Span, Whole
from graphopt.ir import Graph, Node, Value
from graphopt.patching.kernels import Demand, Kernels
from graphopt.patching.rows import RowMap, RowNode, RowRun, RowUse, run_rows
from graphopt.patching.work import MOVED, is_depthwise, kernel_work

FETCH = -1
# For an output that may not share any bytes of an input.
NOWHERE = -(1 << 62)
# An output may start so far before its input, as a share of it.
DRIFT = 1 / 8


@dataclass(frozen=True)
class Form:
    """How a region runs.

    Attributes:
        tile: rows and columns that are asked for at a time; 0 columns for all.
        rows: how many rows each node computes at a time at most, but for those of `again`, which
            compute all that is asked for.
        again: nodes, by index, whose rows are computed again for each tile.
    """

    tile: tuple[int, int]
    rows: int
    again: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Estimate:
    """A part of the nodes, from `first` to `end` - 1, and what it takes to run them.

    Attributes:
        form: None for one node that runs whole.
        memory: bytes of all that is in memory meanwhile.
        work: instructions, about.
        macs: multiply-accumulates.
    """

    first: int
    end: int
    form: Form | None
    memory: int
    work: float
    macs: int


@dataclass(frozen=True)
class Strips:
    """The columns of maps when a region runs strip by strip.

    Attributes:
        widest: by map, of any strip.
        sizes: by map, those of all strips, each once.
        total: by map, of all strips.
    """

    count: int
    widest: Mapping[Value, int]
    sizes: Mapping[Value, frozenset[int]]
    total: Mapping[Value, int]


class Estimator:
    """Estimates for one graph and target.

    Args:
        aliases: values that lie in the memory of another, by that one.
        streamed: inputs of the graph that arrive by rows.
        emitted: outputs of the graph that leave by rows.
        outside: inputs and outputs of the graph that are held whole, but elsewhere.
    """

    def __init__(
        self,
        graph: Graph,
        kernels: Kernels,
        alignment: int,
        aliases: Mapping[Value, Value],
        streamed: Collection[Value] = (),
        emitted: Collection[Value] = (),
        outside: Collection[Value] = (),
    ) -> None:
        self.graph, self.kernels, self.alignment, self.aliases = graph, kernels, alignment, aliases
        self.streamed, self.emitted = frozenset(streamed), frozenset(emitted)
        self.outside = self.streamed | self.emitted | frozenset(outside)
        self.nodes = graph.nodes
        self._maps: dict[Node, tuple[RowMap, ...]] = {}
        self._runs: dict[tuple[int, int, Form], RowRun] = {}
        self.index = {node: at for at, node in enumerate(self.nodes)}
        self.reads = self._readers()
        self.last_use = self._last_uses()
        self.lived = [self._live(at) for at in range(len(self.nodes) + 1)]

    def aligned(self, nbytes: int) -> int:
        return -(-nbytes // self.alignment) * self.alignment

    # What lies between two nodes.

    def _readers(self) -> dict[Value, list[int]]:
        found: dict[Value, list[int]] = {}
        for at, node in enumerate(self.nodes):
            for value in dict.fromkeys(node.inputs):
                if value not in self.graph.constants:
                    found.setdefault(value, []).append(at)
        return found

    def _last_uses(self) -> dict[Value, int]:
        """By owner, the last node that reads it or an alias of it; beyond all for outputs."""
        found: dict[Value, int] = {}
        for at, node in enumerate(self.nodes):
            for value in (*node.inputs, *node.outputs):
                if value not in self.graph.constants:
                    found[owner(value, self.aliases)] = at
        for value in self.graph.outputs:
            found[owner(value, self.aliases)] = len(self.nodes)
        return found

    def _live(self, at: int) -> dict[Value, int]:
        """Bytes of the values that are there before node `at` and needed from it on."""
        made = [v for node in self.nodes[:at] for v in node.outputs]
        return {
            value: self.aligned(value.type.nbytes)
            for value in (*self.graph.inputs, *made)
            if value not in self.aliases
            and value not in self.graph.constants
            and value not in self.outside
            and self.last_use.get(value, -1) >= at
        }

    def around(self, first: int, end: int) -> tuple[int, dict[Value, int], dict[Value, int]]:
        """Of the nodes from `first` to `end` - 1: bytes that pass by; what dies; what is born."""
        before, after = self.lived[first], self.lived[end]
        passing = sum(size for value, size in before.items() if value in after)
        dying = {v: size for v, size in before.items() if v not in after}
        born = {v: size for v, size in after.items() if v not in before}
        return passing, dying, born

    # Nodes that run whole.

    def whole(self, at: int) -> Estimate | None:
        """Node `at` by itself; None where no schedule takes it, or it reads what is streamed."""
        node = self.nodes[at]
        if not self.streamed.isdisjoint(node.inputs) or not self.emitted.isdisjoint(node.outputs):
            return None
        passing, dying, born = self.around(at, at + 1)
        if node.outputs[0] in self.aliases:
            return Estimate(at, at + 1, None, sum(self.lived[at + 1].values()), 0.0, 0)
        demand = self.kernels.whole(node)
        if demand is None:
            return None
        saved = 0
        for (i, o), most in demand.over.items():
            source, target = owner(node.inputs[i], self.aliases), node.outputs[o]
            if source in dying and target in born:
                saved = max(saved, self._saved(dying[source], born[target], most))
        memory = passing + sum(dying.values()) + sum(born.values()) - saved
        return Estimate(
            at,
            at + 1,
            None,
            memory + self.aligned(demand.scratch),
            self.plain_work(at),
            node.macs,
        )

    def plain_work(self, at: int) -> float:
        """Of a node that runs whole."""
        node = self.nodes[at]
        if node.outputs[0] in self.aliases:
            return 0.0
        results = sum(value.type.elements for value in node.outputs)
        widened = node.inputs[0].type.elements if is_depthwise(node) else 0
        return kernel_work(node, results, widened, node.macs, 1)

    def _saved(self, source: int, target: int, most: int) -> int:
        """Bytes that an input and an output share if the second may start `most` behind.

        An output that has to start far before its input is placed apart: the next one would have
        to start farther yet, and in a chain of them some have to come back.
        """
        most = most // self.alignment * self.alignment
        if most < -source * DRIFT:
            return 0
        both = max(source, most + target) - min(0, most)
        return max(0, source + target - both)

    # Regions.

    @cached_property
    def starts(self) -> list[int]:
        """By node, the first one that a region with both can start at, or the next node's index."""
        found: list[int] = []
        for at, node in enumerate(self.nodes):
            if isinstance(self.kernels.reaches[node], NotSpatial):
                found.append(at + 1)
                continue
            start = found[-1] if found else 0
            start = min(start, at)
            found.append(max(start, self._behind_whole(node)))
        return found

    def _behind_whole(self, node: Node) -> int:
        """Behind all nodes whose outputs `node` needs whole."""
        reaches = self.kernels.reaches[node]
        assert not isinstance(reaches, NotSpatial)
        producers = {v: at for at, each in enumerate(self.nodes) for v in each.outputs}
        behind = 0
        for value, reach in zip(node.inputs, reaches, strict=True):
            root = owner(value, self.aliases)
            if root in producers and (
                isinstance(reach, Whole) or self.kernels.sums[self.nodes[producers[root]]]
            ):
                behind = max(behind, producers[root] + 1)
        return behind

    def row_node(self, at: int, form: Form) -> RowNode:
        node = self.nodes[at]
        height = self.kernels.maps[node].type.dims[1]
        if node not in self._maps:
            reaches = self.kernels.reaches[node]
            assert not isinstance(reaches, NotSpatial)
            self._maps[node] = tuple(
                RowMap.of(value, reach, height)
                for value, reach in zip(node.inputs, reaches, strict=True)
                if isinstance(reach, Reach)
            )
        keep = at not in form.again
        return RowNode(node, at, height, self._maps[node], form.rows if keep else height, keep)

    def run(self, first: int, end: int, form: Form) -> RowRun:
        """The rows of a region, in one strip."""
        key = first, end, Form((form.tile[0], 0), form.rows, form.again)
        if key not in self._runs:
            nodes = [self.row_node(at, form) for at in range(first, end)]
            outputs = self._outputs(first, end)
            last = self.nodes[end - 1].outputs[-1]
            fetched = frozenset(v for n in self.nodes[first:end] for v in n.inputs) - {
                v for n in self.nodes[first:end] for v in n.outputs
            }
            self._runs[key] = run_rows(nodes, frozenset(outputs), last, form.tile[0], fetched)
        return self._runs[key]

    def _outputs(self, first: int, end: int) -> list[Value]:
        return [
            value
            for node in self.nodes[first:end]
            for value in node.outputs
            if self.leaves(value, end)
        ]

    def leaves(self, value: Value, end: int) -> bool:
        """Whether something behind a region that ends before node `end` needs `value`."""
        return value in self.graph.outputs or self.reads.get(value, [0])[-1] >= end

    @cached_property
    def totals(self) -> frozenset[Value]:
        """Reductions of maps, which take no more than their result."""
        sums = self.kernels.sums
        return frozenset(v for n in self.nodes if sums[n] is not None for v in n.outputs)

    def strips(self, first: int, end: int, width: int) -> Strips:
        """The columns of all maps when the last one is computed `width` columns at a time."""
        nodes = self.nodes[first:end]
        last = self.kernels.maps[nodes[-1]]
        columns = last.type.dims[2]
        if not width or width >= columns:
            maps = [v for node in nodes for v in (*node.inputs, *node.outputs)]
            full = {v: v.type.dims[2] for v in maps if v.type.rank == last.type.rank}
            full.update((v, self.kernels.maps[n].type.dims[2]) for n in nodes for v in n.outputs)
            return Strips(1, full, {v: frozenset((size,)) for v, size in full.items()}, full)
        sizes: dict[Value, set[int]] = {}
        total: dict[Value, int] = {}
        starts = range(0, columns, width)
        for start in starts:
            spans = dict.fromkeys(nodes[-1].outputs, Span(start, min(start + width, columns)))
            for node in reversed(nodes):
                wanted = [spans[value] for value in node.outputs if value in spans]
                if not wanted:
                    continue
                hull = Span(min(s.lo for s in wanted), max(s.hi for s in wanted))
                spans.update(dict.fromkeys(node.outputs, hull))
                reaches = self.kernels.reaches[node]
                assert not isinstance(reaches, NotSpatial)
                for value, reach in zip(node.inputs, reaches, strict=True):
                    if isinstance(reach, Reach):
                        span = reach.columns.pull(hull)
                        spans[value] = span.hull(spans.get(value, span))
            for value, span in spans.items():
                sizes.setdefault(value, set()).add(span.size)
                total[value] = total.get(value, 0) + span.size
        widest = {value: max(each) for value, each in sizes.items()}
        each = {value: frozenset(each) for value, each in sizes.items()}
        return Strips(len(starts), widest, each, total)

    def regions(self, end: int, form: Form, most: float = math.inf) -> Iterator[Estimate]:
        """Regions in this form that end before node `end`, from the shortest to the longest.

        Regions of one node are of use only where something is streamed.

        Args:
            most: bytes of memory beyond which no region is of interest.
        """
        start = self.starts[end - 1]
        if end - start < 1:
            return
        _, width = form.tile
        full = not width or width >= self.kernels.maps[self.nodes[end - 1]].type.dims[2]
        run = self.run(start, end, form)
        strips = self.strips(start, end, width)
        count = _Growing(self, end, form, run, strips, full)
        for first in range(end - 1, start - 1, -1):
            if not count.add(first) or count.inner > most:
                return
            streams = bool(self.streamed) and any(
                v in self.streamed for n in self.nodes[first:end] for v in n.inputs
            )
            if end - first == 1 and not streams and not self._emits(first, end):
                continue
            estimate = count.estimate(first)
            if estimate is not None and estimate.memory <= most:
                yield estimate

    def _emits(self, first: int, end: int) -> bool:
        return any(v in self.emitted for n in self.nodes[first:end] for v in n.outputs)


@dataclass
class _Growing:
    """A region that grows at its start.

    Attributes:
        steps: by step, bytes that are live; FETCH for where rows are fetched.
    """

    of: Estimator
    end: int
    form: Form
    result: RowRun
    strips: Strips
    full: bool
    steps: dict[int, int] = field(default_factory=dict[int, int])
    scratch: dict[int, int] = field(default_factory=dict[int, int])
    shared: dict[int, tuple[Value, int]] = field(default_factory=dict[int, tuple[Value, int]])
    work: float = 0.0
    macs: int = 0
    inside: set[Value] = field(default_factory=set[Value])

    @property
    def inner(self) -> int:
        """Bytes of buffers that are live at once, at least."""
        return max(self.steps.values(), default=0)

    def add(self, at: int) -> bool:
        """Take node `at` in; False where it has no kernel, or strips do not reach it."""
        node = self.of.nodes[at]
        calls = self.result.calls[node]
        if not calls or any(value not in self.strips.widest for value in node.outputs):
            return False
        rows = max(calls)
        demand = self._demand(node, calls)
        if demand is None:
            return False
        for output in node.outputs:
            if self._held(output):
                use = self.result.uses[output]
                low, high = use.live
                for step in range(max(low, at), high + 1):
                    self.steps[step] = self.steps.get(step, 0) + self._bytes(output, use)
        self.steps.setdefault(at, 0)
        # Buffers that live through steps before this one, if those belong to the region.
        for inner in self.inside:
            if self._held(inner) and self.result.uses[inner].live[0] <= at:
                self.steps[at] += self._bytes(inner, self.result.uses[inner])
        self.inside.update(node.outputs)
        self.scratch[at] = self.of.aligned(demand.scratch) + self._copies(node, rows)
        self._share(at, node, demand)
        self._count(node, calls)
        return True

    def _demand(self, node: Node, calls: Sequence[int]) -> Demand | None:
        """What suffices for all tiles of a node: those at the borders may need more than others."""
        found: list[Demand] = []
        for rows in set(calls):
            for columns in self.strips.sizes[node.outputs[0]]:
                demand = self.of.kernels.tile(node, rows, columns)
                if demand is None:
                    return None
                found.append(demand)
        return Demand(
            max(each.scratch for each in found),
            {pair: min(each.over.get(pair, NOWHERE) for each in found) for pair in found[0].over},
        )

    def _held(self, value: Value) -> bool:
        """Whether a value that the region computes is held in part, in a buffer."""
        if value in self.of.totals:
            return False
        return not self.full or value in self.of.emitted or not self.of.leaves(value, self.end)

    def _bytes(self, value: Value, use: RowUse) -> int:
        return self.of.aligned(use.capacity * self._row(value))

    def _row(self, value: Value) -> int:
        """Bytes of a row in a strip."""
        return self.strips.widest[value] * value.type.dims[3] * value.type.dtype.itemsize

    def _copies(self, node: Node, rows: int) -> int:
        """Scratch for windows that kernels cannot take where they lie."""
        total = 0
        for map in self.of.row_node(self.of.index[node], self.form).maps:
            middle = max(0, (len(map.first) - rows) // 2)
            lo, hi = map.pull(middle, middle + rows)
            total += self._copied(map.value, hi - lo)
        if self.of.kernels.sums[node] is None:
            total += sum(self._copied(value, rows) for value in node.outputs)
        return total

    def _copied(self, value: Value, rows: int) -> int:
        row = self._row(value)
        held = self.result.uses[value].capacity if value in self.result.uses else rows
        if row % self.of.alignment == 0 or (rows >= held and self._held(value)):
            return 0
        return self.of.aligned(rows * row)

    def _share(self, at: int, node: Node, demand: Demand) -> None:
        """Note what the step saves where an output may lie over an input."""
        for (i, o), most in demand.over.items():
            source, target = node.inputs[i], node.outputs[o]
            if source not in self.result.uses or not self._held(target):
                continue
            read, written = self.result.uses[source], self.result.uses[target]
            if read.carried or written.carried or read.live[1] != at or written.live[0] != at:
                continue
            saved = self.of._saved(self._bytes(source, read), self._bytes(target, written), most)
            if saved > self.shared.get(at, (source, 0))[1]:
                self.shared[at] = source, saved

    def _count(self, node: Node, calls: Sequence[int]) -> None:
        value = self.of.kernels.maps[node]
        _, height, width, channels = value.type.dims
        columns = self.strips.total.get(node.outputs[0], width)
        share = sum(calls) * columns / (height * width)
        macs = round(node.macs * share)
        widened = 0.0
        if is_depthwise(node):
            source = node.inputs[0]
            maps = self.of.row_node(self.of.index[node], self.form).maps
            read = sum(
                hi - lo
                for map in maps
                if map.value is source
                for rows in calls
                for lo, hi in [map.pull(max(0, (height - rows) // 2), (height - rows) // 2 + rows)]
            )
            widened = read * self.strips.total[source] * source.type.dims[3]
        results = share * value.type.elements
        self.work += kernel_work(node, results, widened, macs, len(calls) * self.strips.count)
        for output in node.outputs:
            if self._held(output):
                per_row = output.type.dims[3] * output.type.dtype.itemsize
                slid = self.result.uses[output].slid * self.strips.total[output] * per_row
                self.work += MOVED * slid
        self.macs += macs

    def estimate(self, first: int) -> Estimate | None:
        """The region from node `first` on."""
        of = self.of
        nodes = of.nodes[first : self.end]
        entering = dict.fromkeys(
            map.value
            for at in range(first, self.end)
            for map in of.row_node(at, self.form).maps
            if map.value not in self.inside
        )
        streamed = [value for value in entering if value in of.streamed]
        for value in streamed:
            if of.reads[value][0] < first or of.reads[value][-1] >= self.end:
                return None
        if not self.full and (streamed or self._several_outputs(first)):
            return None
        steps = dict(self.steps)
        work = self.work
        fetched = [v for v in entering if v in of.streamed or not self.full]
        for value in fetched:
            use = self.result.uses[value]
            size = self._bytes(value, use)
            readers = [at for at in of.reads.get(value, ()) if first <= at < self.end]
            high = max(use.live[1], *readers)
            for step in (FETCH, *range(first, high + 1)):
                steps[step] = steps.get(step, 0) + size
            if value not in of.streamed:
                work += MOVED * use.capacity * size
            work += MOVED * use.slid * self._row(value)
        if fetched:
            through = [v for v in self.inside if self._held(v)]
            alive = [v for v in through if self.result.uses[v].live[0] <= FETCH]
            alive = alive or [v for v in through if self.result.uses[v].carried]
            steps[FETCH] += sum(self._bytes(v, self.result.uses[v]) for v in alive)
        inner = 0
        for step, live in steps.items():
            saved = 0
            if step in self.shared and self.shared[step][0] in self.inside:
                saved = self.shared[step][1]
            inner = max(inner, live + self.scratch.get(step, 0) - saved)
        passing, dying, born = of.around(first, self.end)
        saved = self._overlap(nodes, dying, born) if self.full else 0
        memory = passing + sum(dying.values()) + sum(born.values()) - saved + inner
        return Estimate(first, self.end, self.form, memory, work, self.macs)

    def _several_outputs(self, first: int) -> bool:
        return len(self.of._outputs(first, self.end)) > 1

    def _overlap(
        self, nodes: Sequence[Node], dying: Mapping[Value, int], born: Mapping[Value, int]
    ) -> int:
        """Bytes that an input that dies and an output share, at best."""
        best = 0
        for target, size in born.items():
            if target not in self.result.uses or self.of.kernels.sums[nodes[-1]] is not None:
                continue
            writes = self.result.uses[target].writes
            for source, source_size in dying.items():
                if source not in self.result.uses or source.type.rank != target.type.rank:
                    continue
                reads = self.result.uses[source].reads
                most = _distance(
                    [(time, row * _row_bytes(source)) for time, row in reads],
                    [(time, row * _row_bytes(target)) for time, row in writes],
                    source_size,
                )
                best = max(best, self.of._saved(source_size, size, most))
        return best


def _row_bytes(value: Value) -> int:
    _, _, width, channels = value.type.dims
    return width * channels * value.type.dtype.itemsize


def _distance(
    reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, int]], most: int
) -> int:
    """How far behind the start of an input the output may start: memory.md's o_max."""
    low: int | None = None
    at = len(reads) - 1
    for time, end in reversed(writes):
        while at >= 0 and reads[at][0] >= time:
            low = reads[at][1] if low is None else min(low, reads[at][1])
            at -= 1
        if low is not None:
            most = min(most, low - end)
    return most
