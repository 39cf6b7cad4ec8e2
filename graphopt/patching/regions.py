"""The regions of a plan in the graph they belong to, and the graph with them as nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphopt.analysis.receptive_field import NotSpatial, Reach, Whole, spatial_reach
from graphopt.errors import PlanError
from graphopt.ir import Graph, Location, Node, Value
from graphopt.ops import Fused, Patched
from graphopt.patching.accumulate import accumulation, split_accumulation
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.text import printed_names


def apply_plan(graph: Graph, plan: PatchPlan) -> Graph:
    """The fused `graph` with each region of the plan as one `Patched` node.

    A region reads all that its nodes read from outside, constants too; its outputs are the values
    that are read outside. Kernels of which a region takes a global reduction in are split.

    Raises:
        PlanError: the plan does not fit the graph; names the region, the node or value, and why.
    """
    graph = _split(graph, plan)
    names = {name: value for value, name in printed_names(graph).items()}
    for number, region in enumerate(plan.regions):
        graph = _Application(graph, region, f"region {number}", names).run()
    return graph


def _split(graph: Graph, plan: PatchPlan) -> Graph:
    """The graph with those kernels split of which a region names the first part."""
    named = {name for region in plan.regions for name in region.nodes}
    nodes: list[Node] = []
    for node in graph.nodes:
        first, *rest = split_accumulation(node)
        nodes += (first, *rest) if rest and first.outputs[0].name in named else (node,)
    return graph.with_nodes(nodes) if len(nodes) > len(graph.nodes) else graph


def by_rows(node: Node) -> tuple[Reach | Whole, ...] | NotSpatial:
    """How parts of what `node` computes depend on its inputs: of its outputs, or of the map that
    its output is the reduction of.
    """
    sums = accumulation(node)
    return spatial_reach(node) if sums is None else sums.reaches


def map_of(node: Node) -> Value:
    """The map that a node of a region computes by rows: its first output, or what is reduced."""
    sums = accumulation(node)
    return node.outputs[0] if sums is None else sums.reduced


def cut(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """Some nodes of a graph as a graph of its own: the body of a region.

    Its inputs are all values that they read from outside, constants too, its outputs the values
    of theirs that are read outside.
    """
    inside = dict.fromkeys(nodes)
    computed = {value for node in inside for value in node.outputs}
    read = {v for node in graph.nodes if node not in inside for v in node.inputs}
    read.update(graph.outputs)
    return Graph(
        "region",
        tuple(dict.fromkeys(v for node in inside for v in node.inputs if v not in computed)),
        tuple(inside),
        tuple(v for node in inside for v in node.outputs if v in read),
    )


@dataclass(frozen=True)
class _Application:
    graph: Graph
    plan: RegionPlan
    where: str
    names: dict[str, Value]

    def run(self) -> Graph:
        nodes = self._nodes()
        body = cut(self.graph, nodes)
        self._check_spatial(body)
        self._check_sizes(body)
        op = Patched(
            body,
            self.plan.tile,
            tuple(each.rows for each in self._each(nodes)),
            tuple(each.keep for each in self._each(nodes)),
            self._streamed_inputs(body),
            self._streamed_outputs(body),
        )
        location = sum((node.location for node in nodes), Location())
        return self._contracted(set(nodes), Node(op, body.inputs, body.outputs, location))

    def _nodes(self) -> tuple[Node, ...]:
        """The nodes of the region, in the order of the graph."""
        producers = self.graph.producers()
        wanted: set[Node] = set()
        for name in self.plan.nodes:
            node = producers.get(self._value(name, "nodes"))
            if node is None or not isinstance(node.op, Fused):
                raise PlanError(
                    self.where,
                    f"nodes: expected outputs of kernels that no other region has, found %{name}",
                )
            if node in wanted or node.outputs[0] is not self.names[name]:
                raise PlanError(
                    self.where,
                    f"nodes: expected each by its first output, found %{name} of {node}",
                )
            wanted.add(node)
        return tuple(node for node in self.graph.nodes if node in wanted)

    def _value(self, name: str, entry: str) -> Value:
        if name not in self.names:
            raise PlanError(
                self.where,
                f"{entry}: expected values of graph {self.graph.name}, found %{name}",
                "the plan is of another model, or of another version of it: search again",
            )
        return self.names[name]

    def _each(self, nodes: Iterable[Node]) -> list[NodePlan]:
        by_value = {self.names[name]: each for name, each in self.plan.nodes.items()}
        return [by_value[node.outputs[0]] for node in nodes]

    def _check_spatial(self, body: Graph) -> None:
        computed = body.producers()
        for node in body.nodes:
            reaches = by_rows(node)
            if isinstance(reaches, NotSpatial):
                raise PlanError(
                    f"{self.where}: {node}",
                    f"expected an operator that runs by rows: {reaches.reason}",
                    "end the region before it",
                )
            for value, reach in zip(node.inputs, reaches, strict=True):
                producer = computed.get(value)
                if producer and (isinstance(reach, Whole) or accumulation(producer)):
                    raise PlanError(
                        f"{self.where}: {node}",
                        f"expected to need %{value.name} by rows, found that it needs it whole",
                        f"end the region behind {producer}",
                    )

    def _check_sizes(self, body: Graph) -> None:
        if not body.outputs:
            raise PlanError(self.where, "outputs: expected values read outside, found none")
        asked = map_of(body.producers()[body.outputs[-1]])
        _, *last = asked.type.dims[:3]
        for what, size, most in zip(("rows", "columns"), self.plan.tile, last, strict=True):
            if size > most:
                raise PlanError(
                    self.where,
                    f"tile: expected at most {most} {what} of %{asked.name}, found {size}",
                )
        for node, each in zip(body.nodes, self._each(body.nodes), strict=True):
            height = map_of(node).type.dims[1]
            if each.rows > height:
                raise PlanError(
                    f"{self.where}: {node}",
                    f"rows: expected at most {height} at a time, found {each.rows}",
                )

    def _streamed_inputs(self, body: Graph) -> tuple[int, ...]:
        users = self.graph.users()
        streamed: list[int] = []
        for name in self.plan.streamed_inputs:
            value = self._value(name, "streamed_inputs")
            outside = [n for n in users.get(value, ()) if n not in body.nodes]
            if value not in self.graph.inputs or value not in body.inputs:
                raise PlanError(
                    self.where, f"streamed_inputs: expected inputs of the model, found %{name}"
                )
            if outside or value in self.graph.outputs:
                raise PlanError(
                    self.where,
                    f"streamed_inputs: expected %{name} to be read in the region only, found "
                    f"{outside[0] if outside else 'that it is an output'}",
                    "let the region take in all that reads it, or do not stream it",
                )
            for node in body.nodes:
                _check_by_rows(node, value, self.where)
            streamed.append(body.inputs.index(value))
        return tuple(streamed)

    def _streamed_outputs(self, body: Graph) -> tuple[int, ...]:
        users = self.graph.users()
        streamed: list[int] = []
        for name in self.plan.streamed_outputs:
            value = self._value(name, "streamed_outputs")
            if value not in self.graph.outputs or value not in body.outputs:
                raise PlanError(
                    self.where, f"streamed_outputs: expected outputs of the model, found %{name}"
                )
            outside = [n for n in users.get(value, ()) if n not in body.nodes]
            if outside:
                raise PlanError(
                    self.where,
                    f"streamed_outputs: expected %{name} to be read in the region only, found "
                    f"{outside[0]}",
                )
            streamed.append(body.outputs.index(value))
        return tuple(streamed)

    def _contracted(self, inside: set[Node], region: Node) -> Graph:
        """The graph with `region` in place of the nodes inside."""
        last = max(i for i, node in enumerate(self.graph.nodes) if node in inside)
        before: list[Node] = []
        after: list[Node] = []
        behind = set(region.outputs)
        needed = set(region.inputs)
        for node in self.graph.nodes[: last + 1]:
            if node in inside:
                behind.update(node.outputs)
            elif behind.isdisjoint(node.inputs):
                before.append(node)
            else:
                if not needed.isdisjoint(node.outputs):
                    raise PlanError(
                        self.where,
                        f"nodes: expected none that needs the region and is needed in it, found "
                        f"{node}",
                        "take it into the region",
                    )
                behind.update(node.outputs)
                after.append(node)
        return self.graph.with_nodes((*before, region, *after, *self.graph.nodes[last + 1 :]))


def _check_by_rows(node: Node, value: Value, where: str) -> None:
    reaches = by_rows(node)
    assert not isinstance(reaches, NotSpatial)
    for read, reach in zip(node.inputs, reaches, strict=True):
        if read is value and isinstance(reach, Whole):
            raise PlanError(
                f"{where}: {node}",
                f"streamed_inputs: expected to need %{value.name} by rows, found that it needs it "
                "whole",
            )
