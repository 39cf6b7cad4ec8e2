"""Choose the regions of a graph: least work within limits, or least memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from graphopt.analysis.receptive_field import NotSpatial, Reach
from graphopt.errors import BudgetError, OptionError, PlanError
from graphopt.ir import Graph, Node, Value
from graphopt.patching.accumulate import split_accumulation
from graphopt.patching.candidates import FEW, Candidates, Forms, grids, lines, mixed, strips
from graphopt.patching.estimate import Estimate, Estimator
from graphopt.patching.kernels import Kernels
from graphopt.patching.limits import Limits
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.patching.regions import apply_plan, by_rows
from graphopt.solver.patching import Edge, Path, Problem, least_memory, least_work, pareto
from graphopt.text import printed_names

if TYPE_CHECKING:
    from graphopt.targets import Target

# Beyond a region that needs too much, so many nodes further others may end that need less.
BEHIND = 8
# How often a plan is tightened whose arena turns out larger than estimated.
ROUNDS = 6


@dataclass(frozen=True)
class Found:
    """A plan and what it takes.

    Attributes:
        arena: bytes, as placed.
        work, macs: as multiples of those without regions.
    """

    plan: PatchPlan
    arena: int
    work: float
    macs: float


def search_plan(
    graph: Graph,
    target: Target,
    limits: Limits | None = None,
    *,
    stream_input: bool = False,
    outside: Sequence[Value] = (),
) -> Found:
    """The regions of a fused graph: of least work under `limits.sram`, else of least memory.

    All ranges of nodes in the order they stand are candidates, in several forms; of those the
    path through the graph is optimal. Memory is estimated first, and then that of the arena as it
    is placed: where it is larger, the search is repeated with a tighter limit.

    Args:
        stream_input: the inputs that the graph reads by rows are not held, they arrive by rows.
        outside: inputs and outputs that lie elsewhere and do not count.

    Raises:
        OptionError: the target is no microcontroller.
        BudgetError: no plan keeps the limits; says what the least is and what sets it.
        PlanError: the graph has no part that runs by rows, or reads its input whole where it is
            to be streamed; names the node and says why.
    """
    return Search(graph, target, stream_input, outside).best(limits or Limits())


@dataclass
class Search:
    """The candidates of one graph, for one limit after the other.

    Raises:
        OptionError: the target is no microcontroller.
    """

    graph: Graph
    target: Target
    stream_input: bool = False
    outside: Sequence[Value] = ()
    peaks: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        from graphopt.targets import McuTarget

        if not isinstance(self.target, McuTarget):
            raise OptionError("limits", f"expected a microcontroller, found {self.target.name}")

    @cached_property
    def split(self) -> Graph:
        """The graph with global reductions as nodes of their own."""
        return self.graph.with_nodes(
            part for node in self.graph.nodes for part in split_accumulation(node)
        )

    @cached_property
    def estimator(self) -> Estimator:
        from graphopt.lower.placement import is_alias
        from graphopt.schedules import schedules_for

        graph = self.split
        return Estimator(
            graph,
            Kernels(graph, self.target, schedules_for(self.target)),
            self.target.alignment,
            {node.output: node.inputs[0] for node in graph.nodes if is_alias(node)},
            streamed_inputs(graph) if self.stream_input else (),
            outside=self.outside,
        )

    @cached_property
    def candidates(self) -> Candidates:
        self._expect_regions()
        found = Candidates(self.estimator)
        found.add_whole()
        ends = range(1, len(self.split.nodes) + 1)
        found.add(lines, ends)
        if len(self.split.nodes) <= FEW:
            for forms in EXTRA:
                found.add(forms, ends)
        return found

    @cached_property
    def plain_work(self) -> float:
        return sum(map(self.estimator.plain_work, range(len(self.split.nodes))))

    def best(self, limits: Limits) -> Found:
        """See `search_plan`."""
        plain = None
        if not self.stream_input:
            plain = Found(PatchPlan(), self._peak(PatchPlan()), 1.0, 1.0)
            if limits.sram is not None and plain.arena <= limits.sram:
                return plain
        if limits.sram is None:
            found = self._least(limits)
            # Estimated memory was less, but the arena as placed may not be.
            return plain if plain is not None and plain.arena <= found.arena else found
        return self._within(limits, limits.sram)

    def pareto(self, limits: Limits | None = None) -> Iterator[Found]:
        """Plans of which none takes less memory and less work than another, from least work on."""
        limits = limits or Limits()
        self._widen(limits, 0)
        for path in pareto(self._problem(limits)):
            yield self._found(path)

    def estimated_front(self) -> list[tuple[int, float]]:
        """Memory and work of the plans that `pareto` places, as estimated."""
        return [(path.memory, path.work) for path in pareto(self._problem(Limits()))]

    def _least(self, limits: Limits) -> Found:
        """The plan of least memory, as placed: of those estimated to need no more than that."""
        self._widen(limits, 0)
        problem = self._problem(limits)
        path = least_memory(problem)
        if path is None:
            raise self._over(limits)
        best = self._found(path)
        enough, less = path.memory, best.arena
        for _ in range(ROUNDS):
            less = min(less, best.arena) - self.target.alignment
            path = least_work(problem, less) if less >= enough else None
            if path is None:
                break
            found = self._found(path)
            best = min(best, found, key=lambda each: each.arena)
            less = min(less, path.memory)
        return best

    def _within(self, limits: Limits, sram: int) -> Found:
        """The plan of least work whose arena, as placed, takes `sram` bytes at most."""
        estimated = sram
        for _ in range(ROUNDS):
            self._widen(limits, estimated)
            path = least_work(self._problem(limits), estimated)
            if path is None:
                break
            closest = self._found(path)
            if closest.arena <= sram:
                return closest
            estimated = min(path.memory, estimated) - (closest.arena - sram)
        least = self._least(limits)
        if least.arena <= sram:
            return least
        raise self._over(limits)

    def _widen(self, limits: Limits, enough: int) -> None:
        """Add forms that compute some rows again, where the most memory is needed."""
        nodes = len(self.split.nodes)
        while nodes > FEW:
            path = least_memory(self._problem(limits))
            if path is None or path.memory <= enough:
                return
            estimates = self.candidates.all()
            largest = [estimates[i] for i in path.edges if estimates[i].memory == path.memory]
            ends = {
                end
                for each in largest
                for end in range(each.first + 1, min(nodes, each.end + BEHIND) + 1)
            }
            before = len(self.candidates.tried)
            for forms in EXTRA:
                self.candidates.add(forms, sorted(ends))
            if len(self.candidates.tried) == before:
                return

    def _problem(self, limits: Limits) -> Problem:
        return Problem(
            len(self.split.nodes),
            tuple(
                Edge(each.first, each.end, each.memory, each.work, each.macs)
                for each in self.candidates.all()
            ),
            None if limits.work is None else limits.work * self.plain_work,
            None if limits.macs is None else int(limits.macs * self.split.macs),
        )

    def _found(self, path: Path) -> Found:
        estimates = self.candidates.all()
        plan = self.plan([estimates[index] for index in path.edges])
        macs = path.macs / self.split.macs if self.split.macs else 1.0
        return Found(plan, self._peak(plan), path.work / self.plain_work, macs)

    def plan(self, path: Sequence[Estimate]) -> PatchPlan:
        """The regions among the parts of a path."""
        return PatchPlan(tuple(self._region(each) for each in path if each.form is not None))

    def _region(self, estimate: Estimate) -> RegionPlan:
        form = estimate.form
        assert form is not None
        names = printed_names(self.split)
        kernels = self.estimator.kernels
        nodes: dict[str, NodePlan] = {}
        for at in range(estimate.first, estimate.end):
            node = self.split.nodes[at]
            row_node = self.estimator.row_node(at, form)
            rows = min(row_node.rows, row_node.height)
            nodes[names[node.outputs[0]]] = NodePlan(rows, row_node.keep)
        part = self.split.nodes[estimate.first : estimate.end]
        _, height, width, _ = kernels.maps[part[-1]].type.dims
        rows, columns = form.tile
        read = dict.fromkeys(value for node in part for value in node.inputs)
        return RegionPlan(
            nodes,
            (min(rows, height), min(columns, width) or width),
            tuple(names[value] for value in read if value in self.estimator.streamed),
        )

    def _peak(self, plan: PatchPlan) -> int:
        """Bytes of the arena as it is placed."""
        from graphopt.lower.arena import arena_bytes

        key = str(plan)
        if key not in self.peaks:
            graph = apply_plan(self.graph, plan)
            self.peaks[key] = arena_bytes(graph, self.target, outside=self.outside)
        return self.peaks[key]

    def _expect_regions(self) -> None:
        """Refuse a graph that has nothing to patch."""
        starts = self.estimator.starts
        if any(end - starts[end - 1] >= 1 for end in range(1, len(starts) + 1)):
            return
        reasons = [
            f"{node}: {found.reason}"
            for node in self.split.nodes
            for found in [by_rows(node)]
            if isinstance(found, NotSpatial)
        ]
        raise PlanError(
            self.graph.name,
            "regions: expected operators that run by rows, found none"
            + (f"; the first: {reasons[0]}" if reasons else ""),
            "nothing can be patched: the memory limit has to be at least that of the whole graph",
        )

    def _over(self, limits: Limits) -> BudgetError:
        """What cannot be kept, and what sets the least that can."""
        self._widen(limits, 0)
        least = least_memory(self._problem(limits))
        if least is None:
            free = least_memory(self._problem(Limits()))
            assert free is not None
            work, macs = free.work / self.plain_work, free.macs / max(1, self.split.macs)
            return BudgetError(
                self.graph.name,
                f"work: expected a plan within {limits}, found none",
                f"the plan of least memory takes {work:.3f} times the work, {macs:.3f} times the "
                "multiply-accumulates",
                {"work": work, "macs": macs},
            )
        found = self._least(limits)
        estimates = self.candidates.all()
        largest = max((estimates[i] for i in least.edges), key=lambda each: each.memory)
        first, last = self.split.nodes[largest.first], self.split.nodes[largest.end - 1]
        where = f"{first}" if first is last else f"the region from {first} to {last}"
        passing, dying, born = self.estimator.around(largest.first, largest.end)
        held = {v.name: size for v, size in (*dying.items(), *born.items())}
        return BudgetError(
            self.graph.name,
            f"sram: expected at most {limits.sram} bytes, found that the least any plan reaches is "
            f"{found.arena}",
            f"set by {where}, which needs {largest.memory} bytes: {_listed(held)}, "
            f"{passing} that pass by, and its buffers",
            {"sram": found.arena},
        )


EXTRA: tuple[Forms, ...] = (mixed, strips, grids)


def streamed_inputs(graph: Graph) -> tuple[Value, ...]:
    """The inputs of a graph that arrive by rows if it is to be streamed.

    Raises:
        PlanError: none can, as the nodes that read it need all of it.
    """
    why: list[str] = []
    found: list[Value] = []
    for value in graph.inputs:
        obstacles = [
            f"{node} {why}"
            for node in graph.nodes
            if value in node.inputs
            for why in _whole(node, value)
        ]
        if not obstacles and value.type.rank == 4 and value not in graph.outputs:
            found.append(value)
        why += [f"%{value.name}: {each}" for each in obstacles]
    if not found:
        raise PlanError(
            graph.name,
            "streamed input: expected one that is read by rows, found none"
            + (f"; {why[0]}" if why else ""),
            "hold the input in memory",
        )
    return tuple(found)


def _whole(node: Node, value: Value) -> list[str]:
    """Why `node` needs all of an input at once: nothing where it does not."""
    reads = by_rows(node)
    if isinstance(reads, NotSpatial):
        return [reads.reason]
    return [] if isinstance(reads[node.inputs.index(value)], Reach) else ["needs it whole"]


def _listed(sizes: Mapping[str, int]) -> str:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"%{name} {size}" for name, size in largest) or "no maps"
