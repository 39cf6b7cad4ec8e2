"""Which activations are quantized, and which of them share one scale."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from graphopt.ir import DType, Graph, Node, Value
from graphopt.ops import Add, AveragePool, Concat, LayerNorm, Mul, Reduce, Sub
from graphopt.quantization.layers import along_last_axis, find_layers, unique_names
from graphopt.quantization.roles import Role, data_inputs, is_clip, role

# What a chain of nodes without a quantizer between them computes from: sums of products, the
# entries of a table, or a layer norm.
Base = Literal["sum", "table", "norm"]


@dataclass(frozen=True)
class QuantizerGroup:
    """Activations that share one quantizer.

    Attributes:
        name: unique in the graph: the name of the first value.
        values: in execution order.
        sources: those of `values` that are no mere selection of the others; what they hold
            decides the range.
        wide: whether nothing but layers and the sums that lead to a layer norm reads them. Such
            sums have outliers, and the norm divides each row by its own deviation, so that all
            but the layers want 16 bits (Bondarenko et al., "Understanding and Overcoming the
            Challenges of Efficient Transformer Quantization", 2021, arXiv 2109.12948).
    """

    name: str
    values: tuple[Value, ...]
    sources: tuple[Value, ...]
    wide: bool = False


@dataclass(frozen=True)
class Placement:
    """Where quantize and dequantize go.

    Attributes:
        groups: the activations that get them, in execution order.
        roles: the nodes that then have an integer form.
        joined: those of them that continue what the node before them computes.
    """

    groups: tuple[QuantizerGroup, ...]
    roles: Mapping[Node, Role]
    joined: frozenset[Node]


def find_placement(
    graph: Graph,
    float_nodes: Collection[Node] = (),
    float_values: Collection[Value] = (),
    quantize_outputs: bool = False,
) -> Placement:
    """The quantizers of a canonical float graph.

    Quantized is what convolutions and matrix products read, and everything between them, and
    between the float inputs of the graph and them, that has an integer form. There is none between
    a sum of products and the bias or clip behind it, between functions of one number in a row,
    nor within a layer norm with its scale and bias. What follows the last sums stays float.

    Args:
        float_nodes: nodes that are to compute in floats.
        float_values: activations that are not to be quantized.
        quantize_outputs: quantize the outputs of the graph as well, where an integer form of
            everything up to them exists.
    """
    search = _Search(graph, set(float_nodes), set(float_values), quantize_outputs)
    sets = _Sets(v for v in graph.values() if v in search.quantized)
    moved: set[Value] = set()
    for node in graph.nodes:
        if search.active.get(node) is not Role.MOVE:
            continue
        inputs = data_inputs(graph, node)
        if isinstance(node.op, Concat):
            inputs = tuple(v for v in inputs if search.is_only_read_by(v, node))
        else:
            moved.add(node.output)
        for value in inputs:
            if {value, node.output} <= search.quantized:
                sets.join(value, node.output)
    found = sets.groups()
    names = unique_names(group[0].name for group in found)
    wide: set[Value] = set()
    for group in reversed(found):
        if search.serves_norms(group, wide):
            wide.update(group)
    groups = (
        QuantizerGroup(
            name, tuple(group), tuple(v for v in group if v not in moved), group[0] in wide
        )
        for name, group in zip(names, found, strict=True)
    )
    return Placement(tuple(groups), search.active, frozenset(search.joined))


class _Search:
    """Decides which nodes become integer and which values are quantized for them.

    Attributes:
        active: the nodes that will be integer, with their roles.
        joined: those of them that continue a chain.
        quantized: the values that get a quantizer.
    """

    def __init__(
        self, graph: Graph, float_nodes: set[Node], float_values: set[Value], outputs: bool
    ) -> None:
        self._graph = graph
        self._users = graph.users()
        self._outputs = set(graph.outputs)
        found = {node: role(graph, node) for node in graph.nodes if node not in float_nodes}
        self._roles = {node: each for node, each in found.items() if each is not None}
        layers = find_layers(graph).values()
        self._layers = {layer.node for layer in layers}
        self._bias_nodes = {layer.bias_node for layer in layers}
        self._bases: dict[Value, Base] = {}
        self.joined: set[Node] = set()
        self.active: dict[Node, Role] = {}
        reached = self._reach(float_values)
        self.quantized = self._need(reached, outputs)

    def is_only_read_by(self, value: Value, node: Node) -> bool:
        return self._users.get(value) == [node] and value not in self._outputs

    def serves_norms(self, group: Collection[Value], wide: Collection[Value]) -> bool:
        """Whether layers, layer norms and sums whose results are `wide` are all that reads it."""
        readers = {node for value in group for node in self._users.get(value, ())}
        within = {node for node in readers if not set(node.outputs).isdisjoint(group)}
        sums = readers - within - self._layers
        return bool(sums) and all(
            isinstance(n.op, LayerNorm) or (isinstance(n.op, Add | Sub) and n.output in wide)
            for n in sums
        )

    def _reach(self, float_values: set[Value]) -> set[Value]:
        """The values that can be integers: derived from inputs and from what kernels read."""
        reached = {v for v in self._graph.inputs if v.type.dtype is DType.F32}
        for node, each in self._roles.items():
            if each is Role.KERNEL and not float_values & set(data_inputs(self._graph, node)):
                reached |= set(data_inputs(self._graph, node))
        reached -= float_values
        for node, each in list(self._roles.items()):
            if reached.issuperset(data_inputs(self._graph, node)):
                self._classify(node, each)
                reached |= set(node.outputs) - float_values
            else:
                del self._roles[node]
        return reached

    def _classify(self, node: Node, each: Role) -> None:
        """Note what the node's output is a chain from, and whether the node joins its chain."""
        x = data_inputs(self._graph, node)[0]
        base = self._bases.get(x) if self.is_only_read_by(x, node) else None
        joined = (
            (base == "sum" and (is_clip(node) or node in self._bias_nodes))
            or (base == "table" and each is Role.FUNCTION)
            or (base == "norm" and self._is_affine(node, x))
        )
        if joined:
            self.joined.add(node)
            assert base is not None
            self._bases[node.output] = base
        elif each in (Role.KERNEL, Role.SUM):
            self._bases[node.output] = "sum"
        elif each is Role.FUNCTION:
            self._bases[node.output] = "table"
        elif isinstance(node.op, LayerNorm):
            self._bases[node.output] = "norm"

    def _is_affine(self, node: Node, x: Value) -> bool:
        if not isinstance(node.op, Add | Mul) or node.output.type != x.type:
            return False
        arrays = [self._graph.constants.get(v) for v in node.inputs if v is not x]
        return len(arrays) == 1 and (
            arrays[0] is not None and along_last_axis(arrays[0], x) is not None
        )

    def _need(self, reached: set[Value], outputs: bool) -> set[Value]:
        """The values that active nodes read as integers; walks from the end and fills `active`."""
        live = self._outputs & reached if outputs else set[Value]()
        quantized = set(live)
        for node in reversed(self._graph.nodes):
            each = self._roles.get(node)
            if each is None:
                continue
            if live.isdisjoint(node.outputs) and not self._sums_integers(node, each):
                continue
            self.active[node] = each
            live |= set(data_inputs(self._graph, node))
            if node not in self.joined:
                quantized |= set(data_inputs(self._graph, node))
        return quantized

    def _sums_integers(self, node: Node, each: Role) -> bool:
        """Whether a node is integer even if its result is read in floats."""
        return each is Role.KERNEL or isinstance(node.op, AveragePool | Reduce) and each is Role.SUM


class _Sets:
    """Disjoint sets of values, joined step by step."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._parents = {value: value for value in values}

    def join(self, a: Value, b: Value) -> None:
        self._parents[self._root(b)] = self._root(a)

    def groups(self) -> list[list[Value]]:
        """The sets, in the order of the first value of each."""
        found: dict[Value, list[Value]] = {}
        for value in self._parents:
            found.setdefault(self._root(value), []).append(value)
        return list(found.values())

    def _root(self, value: Value) -> Value:
        while self._parents[value] is not value:
            value = self._parents[value]
        return value
