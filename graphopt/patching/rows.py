"""When the rows of each map are computed and needed, while a region runs: `firings` without tiles.

The search asks for many regions that end at the same node. What runs behind a node does not depend
on what runs before it, so one run backwards, as far as rows go, answers for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphopt.analysis.receptive_field import Reach, Span
from graphopt.ir import Node, Value


@dataclass
class RowUse:
    """What became of the rows of a map.

    Attributes:
        capacity: the most rows that were there at once.
        carried: whether rows ever stayed while others were added.
        live: the first and the last step during which rows were needed; steps are nodes, by index.
        slid: how many rows moved to make room.
        reads: (time, row) of each reading: the first row that it took.
        writes: (time, row) of each writing: one past its last row.
    """

    capacity: int = 0
    carried: bool = False
    live: tuple[int, int] = (0, -1)
    slid: int = 0
    reads: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    writes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


@dataclass(frozen=True)
class RowRun:
    """A run of some nodes, one after the other in `nodes`.

    Attributes:
        calls: by node, the number of rows of each call.
    """

    uses: Mapping[Value, RowUse]
    calls: Mapping[Node, tuple[int, ...]]


@dataclass(frozen=True)
class RowMap:
    """`Reach.rows` as tables: the first row, and one past the last, that each output row reads."""

    value: Value
    first: tuple[int, ...]
    end: tuple[int, ...]
    all: tuple[int, int]

    @staticmethod
    def of(value: Value, reach: Reach, height: int) -> RowMap:
        """The tables of an input of a node whose map has `height` rows."""
        spans = [reach.rows.pull(Span(row, row + 1)) for row in range(height)]
        whole = reach.rows.pull(Span(0, height))
        return RowMap(
            value,
            tuple(span.lo for span in spans),
            tuple(span.hi for span in spans),
            (whole.lo, whole.hi),
        )

    def pull(self, lo: int, hi: int) -> tuple[int, int]:
        """What the output rows lo to hi - 1 read."""
        if lo == 0 and hi == len(self.first):
            return self.all
        return self.first[lo], self.end[hi - 1]


@dataclass(frozen=True)
class RowNode:
    """A node as the run sees it."""

    node: Node
    index: int
    height: int
    maps: tuple[RowMap, ...]
    rows: int
    keep: bool


class _State:
    __slots__ = (
        *("appends", "hi", "keep", "lo", "low", "pending", "producer", "start", "used", "users"),
        "version",
    )

    def __init__(self, producer: RowNode | None, users: list[tuple[RowNode, RowMap]], keep: bool):
        self.producer, self.users, self.keep = producer, users, keep
        self.lo = self.hi = -1
        self.pending = 0
        self.start = self.used = self.low = self.version = -1
        self.appends: list[tuple[int, int, int]] = []


def run_rows(
    nodes: Sequence[RowNode],
    whole: frozenset[Value],
    last: Value,
    tile: int,
    fetched: frozenset[Value] = frozenset(),
) -> RowRun:
    """Run nodes in thought, on demand from `last`, `tile` rows at a time.

    Args:
        nodes: in execution order.
        whole: outputs of nodes that are held whole: all that is read outside.
        fetched: maps that no node computes and that are fetched by rows.
    """
    return _Run(nodes, whole, last, tile, fetched).run()


class _Run:
    def __init__(
        self,
        nodes: Sequence[RowNode],
        whole: frozenset[Value],
        last: Value,
        tile: int,
        fetched: frozenset[Value],
    ) -> None:
        self.last, self.tile, self.next_row = last, tile, 0
        self.whole = whole
        self.outputs = [v for each in nodes for v in each.node.outputs if v in whole]
        users: dict[Value, list[tuple[RowNode, RowMap]]] = {}
        for each in nodes:
            for map in each.maps:
                users.setdefault(map.value, []).append((each, map))
        self.states: dict[Value, _State] = {
            value: _State(each, users.get(value, []), each.keep or value in whole)
            for each in nodes
            for value in each.node.outputs
        }
        for value in users:
            if value in fetched:
                self.states[value] = _State(None, users[value], keep=True)
        self.uses = {value: RowUse() for value in users}
        self.uses.update((value, RowUse()) for value in self.states)
        self.heights = {value: value.type.dims[1] for value in self.states if value in fetched}
        self.heights.update((v, each.height) for each in nodes for v in each.node.outputs)
        self.calls: dict[Node, list[int]] = {each.node: [] for each in nodes}
        self.log: list[int] = []
        self.version = 0

    def run(self) -> RowRun:
        height = self.heights[self.last]
        for row in range(0, height, self.tile):
            self.next_row = row
            self.version += 1
            end = min(row + self.tile, height)
            self.demand(self.last, row, end)
            for value in self.outputs:
                if value is not self.last:
                    self.demand(value, 0, self.heights[value] * end // height)
        for value, state in self.states.items():
            self.close(value, state)
            self.uses[value].slid = _slid(state.appends, self.uses[value].capacity)
        return RowRun(self.uses, {node: tuple(rows) for node, rows in self.calls.items()})

    def demand(self, value: Value, lo: int, hi: int) -> None:
        state = self.states.get(value)
        if state is None:
            return
        node = state.producer
        if node is None:
            self.fetch(value, state, lo, hi)
            return
        if state.keep:
            start = self.start(node, state, lo)
        elif state.hi >= 0 and state.lo <= lo and hi <= state.hi and state.pending:
            return
        else:
            start = lo
            for output in node.node.outputs:
                self.states[output].lo = self.states[output].hi = -1
            self.version += 1
        for row in range(start, hi, node.rows):
            self.compute(node, row, min(row + node.rows, hi))

    def fetch(self, value: Value, state: _State, lo: int, hi: int) -> None:
        start = lo if state.hi < 0 else max(state.hi, min(self.low(value, state), lo))
        if start < hi:
            self.append(value, state, start, hi)
            state.used = len(self.log)
            self.log.append(-1)

    def start(self, node: RowNode, state: _State, needed: int) -> int:
        """The first row to compute where rows from `needed` on are asked for."""
        outputs = node.node.outputs
        if not self.whole.isdisjoint(outputs):
            return max(state.hi, 0)
        if state.hi < 0:
            return needed
        low = min(self.low(output, self.states[output]) for output in outputs)
        return max(state.hi, min(needed, low))

    def compute(self, node: RowNode, lo: int, hi: int) -> None:
        windows = [(map.value, *map.pull(lo, hi)) for map in node.maps]
        again = [value for value, *_ in windows if self.recomputed(value)]
        for value in again:
            self.reserve(value)
        for value, first, end in windows:
            self.demand(value, first, end)
            if value in self.states and value not in again:
                self.states[value].pending += 1
                self.version += 1
        for value, first, end in windows:
            state = self.states.get(value)
            if state is not None and not (state.lo <= first and end <= state.hi):
                self.demand(value, first, end)
        for output in node.node.outputs:
            self.append(output, self.states[output], lo, hi)
        time = len(self.log)
        self.log.append(node.index)
        self.calls[node.node].append(hi - lo)
        for value, first, _ in windows:
            self.uses[value].reads.append((time, first))
            state = self.states.get(value)
            if state is not None:
                state.used = time
                state.pending -= 1
                self.version += 1
        for output in node.node.outputs:
            self.states[output].used = time

    def recomputed(self, value: Value) -> bool:
        state = self.states.get(value)
        return state is not None and not state.keep

    def reserve(self, value: Value) -> None:
        """Hold what is computed from now on: an operand that reads less may come last."""
        state = self.states[value]
        if not state.pending and state.producer is not None:
            for output in state.producer.node.outputs:
                self.states[output].lo = self.states[output].hi = -1
        state.pending += 1
        self.version += 1

    def append(self, value: Value, state: _State, lo: int, hi: int) -> None:
        use = self.uses[value]
        low = lo if state.hi < 0 else min(max(self.low(value, state), state.lo), lo)
        carried = state.hi >= 0 and low < state.hi
        first = low if carried else lo
        if carried:
            use.carried = True
        else:
            self.close(value, state)
            state.start = len(self.log)
        state.appends.append((lo, hi, first))
        state.lo, state.hi = first, hi
        self.version += 1
        use.capacity = max(use.capacity, hi - first)
        use.writes.append((len(self.log), hi))

    def close(self, value: Value, state: _State) -> None:
        """Note the steps since rows came into the empty buffer, up to their last use."""
        if state.start < 0:
            return
        steps = self.log[state.start : state.used + 1]
        use = self.uses[value]
        first, last = min(steps), max(steps)
        if use.live[1] >= use.live[0]:
            first, last = min(first, use.live[0]), max(last, use.live[1])
        use.live = first, last

    def low(self, value: Value, state: _State) -> int:
        """The first row that anybody will still read."""
        if state.version != self.version:
            state.low = self.find_low(value, state)
            state.version = self.version
        return state.low

    def find_low(self, value: Value, state: _State) -> int:
        least = self.heights[value]
        if value is self.last:
            least = min(least, self.next_row)
        for user, map in state.users:
            row = self.next(user)
            if row < user.height:
                least = min(least, map.first[row])
        return least

    def next(self, node: RowNode) -> int:
        """The first row of its outputs that a node will compute from now on."""
        outputs = node.node.outputs
        state = self.states[outputs[0]]
        if not self.whole.isdisjoint(outputs):
            return max(state.hi, 0)
        if state.keep and state.hi >= 0:
            return state.hi
        low = min(self.low(output, self.states[output]) for output in outputs)
        if not state.keep and state.hi >= 0 and state.pending:
            return min(state.hi, low)
        return low


def _slid(appends: Sequence[tuple[int, int, int]], capacity: int) -> int:
    """How many rows move when buffers make room as late as they can."""
    base = slid = 0
    for lo, hi, low in appends:
        if low == lo:
            base = low
        elif hi - base > capacity:
            slid += lo - low
            base = low
    return slid
