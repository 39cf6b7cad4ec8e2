"""From a patched region to what happens while it runs: demand, row by row, from its outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from graphopt.analysis.receptive_field import NotSpatial, Reach, Span, spatial_reach
from graphopt.errors import PlanError
from graphopt.ir import Node, Value
from graphopt.ops import Patched
from graphopt.patching.accumulate import Accumulation, accumulation
from graphopt.patching.events import Emit, Event, Fetch, Fire, Slide, Window


@dataclass(frozen=True)
class LineBuffer:
    """Memory for a window of a map.

    Attributes:
        rows: what it has room for.
        columns: of the widest tile.
        carried: whether rows ever stay in it while others are added.
        live: the steps in which rows in it are needed, from the first to the last: 0 where
            inputs are fetched, 1 + i where node i of the body runs.
    """

    value: Value
    rows: int
    columns: int
    carried: bool
    live: Span

    @property
    def row_bytes(self) -> int:
        """Of a row as wide as the buffer."""
        channels = self.value.type.dims[3]
        return self.columns * channels * self.value.type.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.rows * self.row_bytes


@dataclass(frozen=True)
class Firings:
    """A run of a patched region.

    Attributes:
        buffers: of the values that are held in part. Inputs and outputs of the region that have
            none are read and written where they lie, whole.
    """

    op: Patched
    events: tuple[Event, ...]
    buffers: Mapping[Value, LineBuffer]

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the run, halos as often as they are computed."""
        return sum(event.macs for event in self.events if isinstance(event, Fire))

    @cached_property
    def moved_bytes(self) -> int:
        """Bytes that slide inside of buffers."""
        return sum(
            event.window.rows.size * self.buffers[event.window.value].row_bytes
            for event in self.events
            if isinstance(event, Slide)
        )

    @property
    def calls(self) -> int:
        """How often a kernel is called."""
        return sum(isinstance(event, Fire) for event in self.events)


def fire(op: Patched) -> Firings:
    """Run a region in thought.

    Columns are cut into strips, one after the other; in each the last output is asked for by
    `op.tile` rows at a time, the other outputs in proportion, and every node asks for what it
    needs to compute them.

    Raises:
        PlanError: the region can not be executed so, and why.
    """
    return _Run(op).firings()


class _Run:
    """The state of the region: which rows lie in each buffer."""

    def __init__(self, op: Patched) -> None:
        self.op, self.body = op, op.body
        self.producers, self.users = self.body.producers(), self.body.users()
        self.position = {node: i + 1 for i, node in enumerate(self.body.nodes)}
        sums = {node: accumulation(node) for node in self.body.nodes}
        self.sums = {node.output: found for node, found in sums.items() if found is not None}
        self.reach = {node: _reach(node, sums[node]) for node in self.body.nodes}
        self._check_whole()
        self.maps = self._maps()
        self.sizes = {value: self._map_size(value) for value in self.maps}
        self.readers = {value: self._readers(value) for value in self.maps}
        self.lows: dict[Value, int] | None = None
        self.last = self.body.outputs[-1]
        self.width = self._size(self.last)[1]
        self.whole_width = op.tile[1] >= self.width
        if not self.whole_width and (len(self.body.outputs) > 1 or op.streamed_inputs):
            raise PlanError(
                self.body.name,
                f"tile: expected all {self.width} columns where a region has several outputs or "
                f"streamed inputs, found {op.tile[1]}",
                "ask for tiles as wide as the map",
            )
        self.held = self._held()
        self.events: list[_Append | Event] = []
        self.have: dict[Value, Span | None] = {}
        self.pending: Counter[Value] = Counter()
        self.filling: Counter[Value] = Counter()
        self.columns: dict[Value, Span] = {}
        self.next_row = 0
        self.buffers: dict[Value, LineBuffer] = {}

    def _check_whole(self) -> None:
        """Refuse nodes that need all of a map that another one computes row by row."""
        for node in self.body.nodes:
            for value, reach in zip(node.inputs, self.reach[node], strict=True):
                if value in self.producers and (reach is None or value in self.sums):
                    raise PlanError(
                        str(node),
                        f"region: expected operators that run by rows, found one that needs all "
                        f"of %{value.name}",
                        "end the region before it",
                    )

    def firings(self) -> Firings:
        height, _ = self._size(self.last)
        for start in range(0, self.width, self.op.tile[1]):
            self.columns = self._columns(Span(start, min(start + self.op.tile[1], self.width)))
            self.have = dict.fromkeys(self.maps)
            for row in range(0, height, self.op.tile[0]):
                self.next_row = row
                end = min(row + self.op.tile[0], height)
                self._demand(self.last, Span(row, end))
                for value in self.body.outputs[:-1]:
                    self._demand(value, Span(0, self._size(value)[0] * end // height))
        return Firings(self.op, tuple(_settle(self.events, self.buffers)), self.buffers)

    def _maps(self) -> tuple[Value, ...]:
        """The values that tiles are cut from."""
        read = {
            value
            for node in self.body.nodes
            for value, reach in zip(node.inputs, self.reach[node], strict=True)
            if reach is not None
        }
        inputs = [value for value in self.body.inputs if value in read]
        return (*inputs, *(value for node in self.body.nodes for value in node.outputs))

    def _held(self) -> frozenset[Value]:
        """The values that have a buffer."""
        streamed = {self.body.inputs[i] for i in self.op.streamed_inputs}
        streamed |= {self.body.outputs[i] for i in self.op.streamed_outputs}
        ports = {*self.body.inputs, *self.body.outputs}
        return frozenset(
            value
            for value in self.maps
            if value not in self.sums
            and (value not in ports or value in streamed or not self.whole_width)
        )

    def _size(self, value: Value) -> tuple[int, int]:
        """Rows and columns of a map, or of the map that a value is the reduction of."""
        return self.sizes[value]

    def _readers(self, value: Value) -> list[tuple[Node, list[int]]]:
        """Who reads a map, and the first row that each row of their outputs needs."""
        return [
            (user, [reach.rows.pull(Span(row, row + 1)).lo for row in range(height)])
            for user in self.users.get(value, ())
            for height in [self.sizes[user.outputs[0]][0]]
            for read, reach in zip(user.inputs, self.reach[user], strict=True)
            if read is value and reach is not None
        ]

    def _map_size(self, value: Value) -> tuple[int, int]:
        value = self.sums[value].reduced if value in self.sums else value
        return value.type.dims[1], value.type.dims[2]

    def _columns(self, strip: Span) -> dict[Value, Span]:
        """What a strip of the last output needs of every map."""
        if self.whole_width:
            return {value: Span(0, self._size(value)[1]) for value in self.maps}
        columns = {self.last: strip}
        for node in reversed(self.body.nodes):
            wanted = [columns[value] for value in node.outputs if value in columns]
            if not wanted:
                continue
            hull = _hull(wanted)
            columns.update(dict.fromkeys(node.outputs, hull))
            for value, reach in zip(node.inputs, self.reach[node], strict=True):
                if reach is not None:
                    span = reach.columns.pull(hull)
                    columns[value] = _hull([span, columns.get(value, span)])
        return columns

    def _demand(self, value: Value, need: Span) -> None:
        """See to it that these rows of `value` are there."""
        node = self.producers.get(value)
        if node is None:
            if value in self.held:
                self._fetch(value, need)
            return
        have = self.have[value]
        if self._keeps(node):
            start = self._start(node, need.lo)
        elif have is not None and _covers(have, need) and self.pending[value]:
            return
        else:
            start = need.lo
            self.have.update(dict.fromkeys(node.outputs))
        step = self.op.rows[self.position[node] - 1]
        self.filling.update(node.outputs)
        for row in range(start, need.hi, step):
            self._compute(node, Span(row, min(row + step, need.hi)))
        self.filling.subtract(node.outputs)

    def _start(self, node: Node, needed: int) -> int:
        """The first row to compute where rows from `needed` on are asked for.

        Rows that nobody reads are left out, but for outputs of the region.
        """
        have = self.have[node.outputs[0]]
        if any(value in self.body.outputs for value in node.outputs):
            return 0 if have is None else have.hi
        if have is None:
            return needed
        return max(have.hi, min(needed, *map(self._low, node.outputs)))

    def _compute(self, node: Node, rows: Span) -> None:
        windows = self._windows(node, rows)
        asked = [window for window in windows if window is not None]
        again = [window.value for window in asked if self._recomputed(window.value)]
        for value in again:
            self._reserve(value)
        for window in asked:
            self._demand(window.value, window.rows)
            if window.value not in again:
                self.pending[window.value] += 1
        for window in asked:  # what a later input overwrote
            if not self._has(window):
                self._demand(window.value, window.rows)
        missing = [window for window in asked if not self._has(window)]
        if missing:
            raise PlanError(
                str(node),
                f"rows of %{missing[0].value.name}: expected both operands at once, found that "
                "each takes the buffer from the other",
                f"keep the rows of %{missing[0].value.name}",
            )
        for value in node.outputs:
            self._append(value, rows)
        written = tuple(Window(value, rows, self.columns[value]) for value in node.outputs)
        height, width = self._size(node.outputs[0])
        part = written[0].rows.size * written[0].columns.size
        macs = node.macs * part // (height * width)
        self.events.append(Fire(node, written, windows, macs, node.outputs[0] in self.sums))
        self._mark(self.position[node], {*(w.value for w in asked), *node.outputs})
        for window in asked:
            self.pending[window.value] -= 1
        self.events.extend(
            Emit(window)
            for window in written
            if window.value in self.held and window.value in self.body.outputs
        )

    def _recomputed(self, value: Value) -> bool:
        node = self.producers.get(value)
        return node is not None and not self._keeps(node)

    def _reserve(self, value: Value) -> None:
        """Hold what is computed of `value` from now on: an operand that reads less may come last.

        What lies in its buffer from before may have been overwritten.
        """
        if not self.pending[value]:
            self.have.update(dict.fromkeys(self.producers[value].outputs))
        self.pending[value] += 1

    def _windows(self, node: Node, rows: Span) -> tuple[Window | None, ...]:
        """What a node reads for some rows of its outputs."""
        columns = self.columns[node.outputs[0]]
        return tuple(
            None if reach is None else Window(value, *reach.pull((rows, columns)))
            for value, reach in zip(node.inputs, self.reach[node], strict=True)
        )

    def _fetch(self, value: Value, need: Span) -> None:
        have = self.have[value]
        start = need.lo if have is None else max(have.hi, min(self._low(value), need.lo))
        if start < need.hi:
            rows = Span(start, need.hi)
            self._append(value, rows)
            self.events.append(Fetch(Window(value, rows, self.columns[value])))
            self._mark(0, {value})

    def _append(self, value: Value, rows: Span) -> None:
        """Make room for new rows: what nobody needs any more may go."""
        have = self.have[value]
        low = rows.lo if have is None else min(max(self._low(value), have.lo), rows.lo)
        carried = have is not None and low < have.hi
        first = low if carried else rows.lo
        self.have[value] = Span(first, rows.hi)
        if value not in self.held:
            return
        self.events.append(_Append(value, rows, first))
        known = self.buffers.get(value, LineBuffer(value, 0, 0, False, Span(0, 0)))
        self.buffers[value] = replace(
            known,
            rows=max(known.rows, rows.hi - first),
            columns=max(known.columns, self.columns[value].size),
            carried=known.carried or carried,
        )

    def _low(self, value: Value) -> int:
        """The first row of `value` that anybody will still read."""
        if self.lows is not None and value in self.lows:
            return self.lows[value]
        low = self._size(value)[0]
        for user, first in self.readers[value]:
            row = self._next(user)
            if row < len(first):
                low = min(low, first[row])
        if value is self.last:
            low = min(low, self.next_row)
        if self.lows is not None:
            self.lows[value] = low
        return low

    def _next(self, node: Node) -> int:
        """The first row of its outputs that a node will compute from now on."""
        have = self.have[node.outputs[0]]
        if any(value in self.body.outputs for value in node.outputs):
            return 0 if have is None else have.hi
        if self._keeps(node) and have is not None:
            return have.hi
        if not self._keeps(node) and have is not None and self.pending[node.outputs[0]]:
            return min(have.hi, *map(self._low, node.outputs))
        return min(map(self._low, node.outputs))

    def _keeps(self, node: Node) -> bool:
        """Whether rows that are there are not computed again; outputs of the region never are."""
        kept = self.op.keep[self.position[node] - 1]
        return kept or any(value in self.body.outputs for value in node.outputs)

    def _has(self, window: Window) -> bool:
        if window.value not in self.held:
            return True
        have = self.have[window.value]
        return have is not None and _covers(have, window.rows)

    def _mark(self, step: int, used: set[Value]) -> None:
        """Note which buffers are needed in a step."""
        self.lows = {}  # nothing changes meanwhile
        for value, buffer in self.buffers.items():
            if value in used or self._needed(value):
                live = buffer.live
                span = Span(step, step + 1)
                self.buffers[value] = replace(buffer, live=_hull([live, span]) if live.hi else span)
        self.lows = None

    def _needed(self, value: Value) -> bool:
        have = self.have[value]
        if have is None:
            return False
        node = self.producers.get(value)
        if self.pending[value]:
            return True
        if node is None or self._keeps(node):
            return self._low(value) < have.hi
        return self.filling[value] > 0


@dataclass(frozen=True)
class _Append:
    """Rows are about to be added to a buffer in which those before `low` are no longer needed."""

    value: Value
    rows: Span
    low: int


def _settle(
    events: Iterable[_Append | Event], buffers: Mapping[Value, LineBuffer]
) -> Iterator[Event]:
    """The events with the place of every row: buffers slide where new ones have no room."""
    base: dict[Value, int] = {}
    columns: dict[Value, Span] = {}

    def settled(window: Window) -> Window:
        return replace(window, base=base.get(window.value, 0))

    for event in events:
        match event:
            case _Append(value, rows, low):
                if low == rows.lo:
                    base[value] = low
                elif rows.hi - base[value] > buffers[value].rows:
                    yield Slide(Window(value, Span(low, rows.lo), columns[value], base[value]))
                    base[value] = low
            case Fire(outputs=outputs, inputs=inputs):
                columns.update((window.value, window.columns) for window in outputs)
                reads = tuple(None if w is None else settled(w) for w in inputs)
                yield replace(event, outputs=tuple(map(settled, outputs)), inputs=reads)
            case Fetch(window):
                columns[window.value] = window.columns
                yield Fetch(settled(window))
            case Emit(window):
                yield Emit(settled(window))
            case Slide():
                yield event


def _reach(node: Node, sum: Accumulation | None) -> tuple[Reach | None, ...]:
    found = spatial_reach(node) if sum is None else sum.reaches
    if isinstance(found, NotSpatial):
        raise PlanError(str(node), f"region: expected operators that run by rows: {found.reason}")
    return tuple(each if isinstance(each, Reach) else None for each in found)


def _hull(spans: list[Span]) -> Span:
    return Span(min(s.lo for s in spans), max(s.hi for s in spans))


def _covers(have: Span, need: Span) -> bool:
    return have.lo <= need.lo and need.hi <= have.hi
