"""Which nodes become one kernel: a partition of a graph into regions with a single exit.

A region is an anchor (a convolution, product, pool, reduction, layout mover or elementwise
operator), the elementwise nodes that follow it (epilogue), and elementwise nodes that only feed
it. No value of a region but that of its last node is read outside. So every path that leaves a
region leaves through its last node, none comes back, and the regions, each standing where its
last node stood, are in execution order: a partition cannot have a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphopt.ir import Graph, Node, Op, TensorType, Value
from graphopt.ops import (
    AveragePool,
    Conv,
    ConvTranspose,
    DepthToSpace,
    Dequantize,
    Elementwise,
    Expand,
    Gather,
    IntegerSoftmax,
    LayerNorm,
    Lookup,
    MatMul,
    MaxPool,
    Pad,
    Quantize,
    Reduce,
    Slice,
    Softmax,
    SumPool,
    Tile,
    Transpose,
)

COMPUTING: tuple[type[Op], ...] = (
    Conv,
    ConvTranspose,
    MatMul,
    MaxPool,
    AveragePool,
    SumPool,
    Reduce,
    Softmax,
    IntegerSoftmax,
    LayerNorm,
)
MOVING: tuple[type[Op], ...] = (Transpose, Slice, Pad, DepthToSpace, Expand, Tile, Gather)
# These read each element of their input at most once, so work fused in front is not repeated.
READING_ONCE: tuple[type[Op], ...] = (Reduce, Transpose, Slice, Pad, DepthToSpace)
MAX_NODES = 48


@dataclass(frozen=True)
class Region:
    """Nodes in execution order; the last one is the exit."""

    nodes: tuple[Node, ...]

    @property
    def exit(self) -> Node:
        return self.nodes[-1]


@dataclass(frozen=True)
class Refusal:
    """Why an elementwise node was not fused into the region that feeds it."""

    where: str
    reason: str


@dataclass(frozen=True)
class Partition:
    """All nodes of a graph, each in one region, the regions in execution order."""

    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]


def is_elementwise(op: Op) -> bool:
    """Whether each element of the output depends on one element of each input."""
    return isinstance(op, Elementwise | Quantize | Dequantize | Lookup)


def partition(graph: Graph) -> Partition:
    """Split `graph` into regions, by greedy growth from the costliest anchors on."""
    return _Partitioner(graph).run()


class _Partitioner:
    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        self.index = {node: i for i, node in enumerate(graph.nodes)}
        self.producers = graph.producers()
        self.users = graph.users()
        self.results = set(graph.outputs)
        self.groups: dict[Node, set[Node]] = {}
        self.refusals: dict[str, str] = {}

    def run(self) -> Partition:
        # Of two anchors that meet in one node (a residual add) the later one takes it: when it
        # runs, the other's output is there. Computing anchors come before movers.
        for kinds in (COMPUTING, MOVING):
            for node in reversed(self.nodes):
                if isinstance(node.op, kinds) and node not in self.groups:
                    self._grow(node)
        for node in self.nodes:
            if node not in self.groups:
                self._grow(node)
        for node in reversed(self.nodes):
            if self._exit(self.groups[node]) is node:
                self._absorb_feeders(node)
        regions = [Region(tuple(self._sorted(g))) for g in self._distinct()]
        regions.sort(key=lambda region: self.index[region.exit])
        refusals = tuple(Refusal(where, why) for where, why in self.refusals.items())
        return Partition(tuple(regions), refusals)

    def _sorted(self, group: set[Node]) -> list[Node]:
        return sorted(group, key=self.index.__getitem__)

    def _exit(self, group: set[Node]) -> Node:
        return max(group, key=self.index.__getitem__)

    def _distinct(self) -> Iterator[set[Node]]:
        return iter({id(group): group for group in self.groups.values()}.values())

    def _grow(self, anchor: Node) -> None:
        """Make `anchor` a region and let it absorb the elementwise nodes after it."""
        group = {anchor}
        self.groups[anchor] = group
        if not (is_elementwise(anchor.op) or isinstance(anchor.op, COMPUTING + MOVING)):
            return
        dtype = anchor.output.type.dtype
        exit = anchor
        kept = 0
        steps: list[Node] = []
        while (added := self._next_exit(exit)) and len(steps) + len(added) < MAX_NODES:
            steps += added
            exit = added[-1]
            # A float kernel stores what it accumulates in; other dtypes pass through it only.
            if (
                exit.output.type.dtype is dtype
                or dtype.is_integer
                or not isinstance(anchor.op, COMPUTING)
            ):
                kept = len(steps)
        if kept < len(steps):
            self.refusals[str(steps[kept])] = f"the region would end in another dtype than {dtype}"
        elif dtype.is_integer and self._ends_in_feeder(exit):
            kept = _narrowest(anchor, steps)
        group.update(steps[:kept])
        self.groups.update(dict.fromkeys(steps[:kept], group))

    def _ends_in_feeder(self, exit: Node) -> bool:
        """Whether one other region could compute the elementwise nodes up to `exit` itself."""
        users = self.users.get(exit.output, [])
        readers = {id(self.groups.get(user)) for user in users if user in self.groups}
        return (
            exit.output not in self.results
            and len(readers) == 1
            and all(user in self.groups and _reads_once(user, exit.output.type) for user in users)
        )

    def _next_exit(self, exit: Node) -> list[Node]:
        """The fewest elementwise nodes after `exit` through whose last one all of its uses go."""
        waiting = dict.fromkeys(self.users.get(exit.output, ()))
        fusible = any(is_elementwise(user.op) for user in waiting)
        added: list[Node] = []
        while waiting and len(added) < MAX_NODES:
            node = min(waiting, key=self.index.__getitem__)
            obstacle = self._obstacle(node, exit)
            if obstacle:
                if fusible:
                    self.refusals[str(node)] = obstacle
                return []
            del waiting[node]
            added.append(node)
            waiting.update(dict.fromkeys(self.users.get(node.output, ())))
            inner = [exit.output, *(n.output for n in added[:-1])]
            if not any(self._escapes(value, added) for value in inner):
                return added
        if added:
            self.refusals[str(added[0])] = "a value on the way is an output of the graph"
        return []

    def _obstacle(self, node: Node, exit: Node) -> str:
        """Why `node` cannot follow `exit` in one region; empty if it can."""
        before, after = exit.output.type.shape, node.output.type.shape
        if not is_elementwise(node.op):
            return f"%{exit.output.name} is also needed on the way to {node.op.name}"
        if after != before:
            return f"the shape changes from {list(before)} to {list(after)}"
        if node in self.groups:
            return f"{node.op.name} is already fused into another region"
        return ""

    def _escapes(self, value: Value, inside: list[Node]) -> bool:
        return value in self.results or any(u not in inside for u in self.users.get(value, ()))

    def _absorb_feeders(self, exit: Node) -> None:
        """Take in the elementwise regions whose result only this region reads."""
        group = self.groups[exit]
        waiting = self._sorted(group)
        while waiting:
            node = waiting.pop()
            for value in dict.fromkeys(node.inputs):
                feeder = self._feeder(value, group)
                if feeder is None or len(group) + len(feeder) > MAX_NODES:
                    continue
                group.update(feeder)
                self.groups.update(dict.fromkeys(feeder, group))
                waiting.extend(self._sorted(feeder))

    def _feeder(self, value: Value, group: set[Node]) -> set[Node] | None:
        producer = self.producers.get(value)
        if producer is None or producer in group or value in self.results:
            return None
        feeder = self.groups[producer]
        if self._exit(feeder) is not producer or not all(is_elementwise(n.op) for n in feeder):
            return None
        for user in self.users[value]:
            if user not in group or not _reads_once(user, value.type):
                return None
        return feeder


def _narrowest(anchor: Node, steps: list[Node]) -> int:
    """After how many of the steps the region's result is smallest in memory, or after all."""
    sizes = [node.output.type.dtype.itemsize for node in (anchor, *steps)]
    return max(i for i, size in enumerate(sizes) if size == min(sizes))


def _reads_once(node: Node, type: TensorType) -> bool:
    """Whether computing an input of this type inside `node`'s kernel repeats no work."""
    if is_elementwise(node.op):
        return node.output.type.shape == type.shape
    return isinstance(node.op, READING_ONCE)
