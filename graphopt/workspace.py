"""A graph taken apart, so that nodes can be replaced in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from graphopt.ir import Array, Graph, Node, Op, Value


@dataclass
class Workspace:
    """A graph taken apart for rewriting: def-use maps that every splice keeps up to date."""

    source: Graph
    constants: dict[Value, Array] = field(init=False)
    producer: dict[Value, Node] = field(init=False)
    users: dict[Value, dict[Node, None]] = field(init=False)
    order: dict[Node, tuple[int, ...]] = field(init=False)
    outputs: list[Value] = field(init=False)
    names: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.constants = dict(self.source.constants)
        self.producer = {}
        self.users = {}
        self.order = {}
        self.outputs = list(self.source.outputs)
        self.names = {value.name for value in self.source.values()}
        for index, node in enumerate(self.source.nodes):
            self._insert(node, (index,))

    def ordered(self, wanted: tuple[type[Op], ...] = (Op,)) -> list[Node]:
        """The nodes of these operators in execution order."""
        nodes = (node for node in self.order if isinstance(node.op, wanted))
        return sorted(nodes, key=self.order.__getitem__)

    def graph(self) -> Graph:
        graph = replace(self.source, outputs=tuple(self.outputs), constants=self.constants)
        return graph.with_nodes(self.ordered())

    def uses(self, value: Value) -> int:
        return len(self.users.get(value, {})) + self.outputs.count(value)

    def used_outside(self, value: Value, nodes: set[Node]) -> bool:
        return value in self.outputs or any(u not in nodes for u in self.users.get(value, {}))

    def fresh_name(self, hint: str) -> str:
        number = 0
        while (name := f"{hint}.{number}") in self.names:
            number += 1
        self.names.add(name)
        return name

    def splice(self, root: Node, nodes: Sequence[Node], results: tuple[Value, ...]) -> None:
        """Replace `root` by `nodes`, which compute `results`; its values keep names and users."""
        root_key = self.order[root]
        self._remove(root)
        renamed: dict[Value, Value] = {}
        emitted = {value for node in nodes for value in node.outputs}
        for old, new in zip(root.outputs, results, strict=True):
            if new in emitted and new not in renamed:
                renamed[new] = old
            else:
                self._redirect(old, renamed.get(new, new))
        for index, node in enumerate(nodes):
            node = replace(
                node,
                inputs=tuple(renamed.get(v, v) for v in node.inputs),
                outputs=tuple(renamed.get(v, v) for v in node.outputs),
            )
            self._insert(node, (*root_key, index))
        self._remove_dead(root.inputs)

    def _remove_dead(self, values: Iterable[Value]) -> None:
        """Remove the producers of values that nothing reads any more, and what they alone read."""
        pending = list(values)
        while pending:
            node = self.producer.get(pending.pop())
            if node is not None and not any(self.uses(value) for value in node.outputs):
                self._remove(node)
                pending += node.inputs

    def _redirect(self, old: Value, new: Value) -> None:
        for user in list(self.users.get(old, {})):
            key = self.order[user]
            self._remove(user)
            inputs = tuple(new if v is old else v for v in user.inputs)
            self._insert(replace(user, inputs=inputs), key)
        self.outputs = [new if v is old else v for v in self.outputs]

    def _insert(self, node: Node, key: tuple[int, ...]) -> None:
        self.order[node] = key
        for value in node.outputs:
            self.producer[value] = node
        for value in node.inputs:
            self.users.setdefault(value, {})[node] = None

    def _remove(self, node: Node) -> None:
        del self.order[node]
        for value in node.outputs:
            del self.producer[value]
        for value in node.inputs:
            self.users[value].pop(node, None)
