"""A network whose head computes patch after patch, each on a branch of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphopt.analysis.axis_maps import Span
from graphopt.analysis.spatial import Rectangle
from graphopt.ir import Array, Graph, Location, Node, Op, Value
from graphopt.ops import Concat, Slice, Transpose
from graphopt.quantization.layers import find_layers
from graphopt.quantization.patches.channels_last import TO_FIRST, TO_LAST
from graphopt.quantization.patches.head import Head

ROWS, COLUMNS = 1, 2


@dataclass(frozen=True)
class Branches:
    """A network with a branch for each patch of its head.

    Attributes:
        graph: means what the network means; patches are cut from the image, and put together
            again at the end of the head.
        layers: for each layer of `graph` the one of the network that it is a part of, and the
            number of its patch; None for one of all patches.
        values: for each map on a branch the network's, and the number of its patch.
    """

    graph: Graph
    layers: Mapping[str, tuple[str, int | None]]
    values: Mapping[Value, tuple[Value, int]]


def split_head(graph: Graph, head: Head) -> Branches:
    """The canonical network with its head in branches.

    Every patch computes its halo for itself. With equal bits the result is that of the network,
    bit for bit where it computes in integers.
    """
    return _Split(graph, head).run()


class _Split:
    def __init__(self, graph: Graph, head: Head) -> None:
        self._graph = graph
        self._head = head
        self._nodes: list[Node] = []
        self._constants: dict[Value, Array] = dict(graph.constants)
        self._values: dict[Value, tuple[Value, int]] = {}
        self._owners: dict[Node, tuple[Value, int]] = {}
        self._shared: dict[tuple[str, tuple[int, ...]], Value] = {}

    def run(self) -> Branches:
        head, graph = self._head, self._graph
        (image,) = graph.inputs
        last = self._emit(Transpose(TO_LAST), f"{image.name}.last", image)
        ends = [self._branch(patch, last) for patch in range(len(head.patches))]
        columns = head.grid.columns
        rows = [
            self._joined(COLUMNS, ends[start : start + columns])
            for start in range(0, len(ends), columns)
        ]
        whole = self._joined(ROWS, rows)
        (type_,) = Transpose(TO_FIRST).infer(whole.type)
        assert type_ == head.output.type
        self._nodes.append(Node(Transpose(TO_FIRST), (whole,), (head.output,)))
        tail = graph.nodes[len(head.body.nodes) :]
        split = replace(graph, constants=self._constants).with_nodes([*self._nodes, *tail])
        return Branches(split, self._layers(split), self._values)

    def _branch(self, patch: int, image: Value) -> Value:
        """The nodes of one patch; the value that they end with."""
        tile = self._head.tiles[patch]
        (part,) = tile.inputs
        held: dict[Value, Value] = {}
        for value, each in zip(tile.graph.inputs, (part,), strict=True):
            held[value] = image if each is None else self._cut(image, each, patch)
        for value, array in tile.graph.constants.items():
            held[value] = self._constant(value, array)
        for node in tile.graph.nodes:
            outputs = tuple(Value(f"{v.name}@{patch}", v.type) for v in node.outputs)
            held |= zip(node.outputs, outputs, strict=True)
            names = tuple(f"{name}@{patch}" for name in node.location.names)
            inputs = tuple(held[value] for value in node.inputs)
            made = Node(node.op, inputs, outputs, Location(names))
            self._nodes.append(made)
            if isinstance(node.op, Slice):  # The tile adds it; the network has no counterpart.
                continue
            for value, output in zip(node.outputs, outputs, strict=True):
                origin = self._head.maps[value.name], patch
                self._values[output] = self._owners[made] = origin
        return held[tile.graph.outputs[0]]

    def _constant(self, value: Value, array: Array) -> Value:
        """The network's own constant, or one for all tiles that need an equal one."""
        if value in self._constants:
            return value
        key = value.name, array.shape
        self._constants[self._shared.setdefault(key, value)] = array
        return self._shared[key]

    def _cut(self, image: Value, part: Rectangle, patch: int) -> Value:
        rows, columns = part
        _, height, width, channels = image.type.dims
        if part == (Span(0, height), Span(0, width)):
            return image
        op = Slice((0, rows.lo, columns.lo, 0), (1, rows.size, columns.size, channels), (1,) * 4)
        return self._emit(op, f"{image.name}@{patch}", image)

    def _joined(self, axis: int, parts: list[Value]) -> Value:
        if len(parts) == 1:
            return parts[0]
        return self._emit(Concat(axis), f"{self._head.output.name}.last", *parts)

    def _emit(self, op: Op, name: str, *inputs: Value) -> Value:
        (type_,) = op.infer(*(value.type for value in inputs))
        output = Value(name, type_)
        self._nodes.append(Node(op, inputs, (output,)))
        return output

    def _layers(self, split: Graph) -> dict[str, tuple[str, int | None]]:
        """The network's layer, and the patch, of each layer of the split graph."""
        names = {layer.node.outputs[0]: name for name, layer in find_layers(self._graph).items()}
        found: dict[str, tuple[str, int | None]] = {}
        for name, layer in find_layers(split).items():
            owner = self._owners.get(layer.node)
            value, patch = owner or (layer.node.outputs[0], None)
            found[name] = names[value], patch
        return found
