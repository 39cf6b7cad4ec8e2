"""What the kernels of whole nodes and of tiles ask for: scratch, and what outputs may lie over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphopt.analysis.receptive_field import NotSpatial, Reach, Span
from graphopt.analysis.tiles import tile
from graphopt.ir import Graph, Node
from graphopt.ops import Fused
from graphopt.patching.accumulate import accumulation
from graphopt.patching.regions import by_rows, map_of

if TYPE_CHECKING:
    from graphopt.lower.kernel import KernelPlan, Schedule
    from graphopt.targets import Target


@dataclass(frozen=True)
class Demand:
    """The memory that a kernel needs besides its inputs and outputs.

    Attributes:
        scratch: bytes of its own.
        over: by input (of its index among the node's inputs) and output, how far behind the start
            of the input the output may start; 0 at least where it may lie exactly over it.
    """

    scratch: int
    over: dict[tuple[int, int], int]


class Kernels:
    """The kernels that the schedules of a target choose, planned once for each shape of tile."""

    def __init__(self, graph: Graph, target: Target, schedules: Sequence[Schedule[Any]]) -> None:
        self.graph, self.target, self.schedules = graph, target, schedules
        self.reaches = {node: by_rows(node) for node in graph.nodes}
        self.maps = {node: map_of(node) for node in graph.nodes}
        self.sums = {node: accumulation(node) for node in graph.nodes}
        self._known: dict[tuple[Node, int, int], Demand | None] = {}

    def whole(self, node: Node) -> Demand | None:
        """Of a node that runs at once; None where no schedule takes it."""
        if (node, 0, 0) not in self._known:
            assert isinstance(node.op, Fused)
            constants = {i for i, v in enumerate(node.inputs) if v in self.graph.constants}
            self._known[node, 0, 0] = self._demand(node.op.body, constants)
        return self._known[node, 0, 0]

    def tile(self, node: Node, rows: int, columns: int) -> Demand | None:
        """Of a tile of so many rows and columns, away from the borders of the map."""
        if (node, rows, columns) not in self._known:
            self._known[node, rows, columns] = self._tile(node, rows, columns)
        return self._known[node, rows, columns]

    def _tile(self, node: Node, rows: int, columns: int) -> Demand | None:
        reaches, sums = self.reaches[node], self.sums[node]
        assert not isinstance(reaches, NotSpatial)
        _, height, width, _ = self.maps[node].type.dims
        spans = _middle(height, rows), _middle(width, columns)
        constants = {
            i
            for i, value in enumerate(node.inputs)
            if value in self.graph.constants and not isinstance(reaches[i], Reach)
        }
        if sums is None:
            return self._demand(tile(node, *spans).graph, constants)
        part = self._demand(sums.part(*spans).graph, constants)
        if part is None:
            return None
        # What a part gives waits beside the scratch until it is added.
        return Demand(part.scratch + node.output.type.nbytes, {})

    def _demand(self, region: Graph, constants: set[int]) -> Demand | None:
        plan = self._plan(region, frozenset(constants))
        if plan is None:
            return None
        over = dict(plan.overlap)
        for pair in plan.inplace:
            over[pair] = max(0, over.get(pair, 0))
        return Demand(plan.scratch_bytes, over)

    def _plan(self, region: Graph, constants: frozenset[int]) -> KernelPlan | None:
        from graphopt.lower.kernel import KernelPlan

        for schedule in self.schedules:
            plan = schedule.plan(region, self.target, constants)
            if isinstance(plan, KernelPlan):
                return plan
        return None


def _middle(size: int, part: int) -> Span:
    part = min(size, part)
    return Span((size - part) // 2, (size - part) // 2 + part)
