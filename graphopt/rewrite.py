"""Passes and patterns: describe a subgraph, say what replaces it; one engine applies it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any, ClassVar, Generic, TypeVar

import ml_dtypes
import numpy as np

from graphopt.errors import PassError
from graphopt.instruments import current
from graphopt.ir import Array, DType, Graph, Location, Node, Op, TensorType, Value

log = logging.getLogger(__name__)
OpT_co = TypeVar("OpT_co", bound=Op, covariant=True)


class Pass:
    """A transformation of graphs: a valid graph in, a valid graph of the same meaning out.

    Options are dataclass fields of the subclass.
    """

    name: ClassVar[str]

    def run(self, graph: Graph) -> Graph:
        raise PassError(self.name, "this pass does not define run()")


@dataclass(frozen=True, eq=False)
class AnyValue:
    """Matches any value."""


@dataclass(frozen=True, eq=False)
class Constant:
    """Matches a value known at compile time; with `value`, one whose elements all equal it.

    Equality is relative to 1e-5, or to what the dtype can tell apart, as exporters round.
    """

    value: float | None = None

    def accepts(self, array: Array) -> bool:
        if self.value is None:
            return True
        dtype = DType.of(array)
        if array.size == 0 or not (dtype.is_float or dtype.is_integer):
            return False
        epsilon = float(ml_dtypes.finfo(array.dtype).eps) if dtype.is_float else 0.0  # type: ignore[no-untyped-call]
        wide = array.astype(np.float64)
        return bool(np.allclose(wide, self.value, rtol=max(1e-5, epsilon), atol=0))


@dataclass(frozen=True, eq=False, init=False)
class Apply(Generic[OpT_co]):
    """Matches the first output of an operator applied to matching inputs.

    A trailing ``...`` stands for any further inputs. Inputs of a commutative operator match
    in either order.
    """

    op: type[OpT_co]
    inputs: tuple[Pattern, ...]
    open: bool

    def __init__(self, op: type[OpT_co], *inputs: Pattern | EllipsisType) -> None:
        object.__setattr__(self, "op", op)
        object.__setattr__(self, "open", bool(inputs) and inputs[-1] is ...)
        object.__setattr__(self, "inputs", tuple(p for p in inputs if p is not ...))


@dataclass(frozen=True, eq=False, init=False)
class OneOf:
    """Matches what the first of these patterns that matches, matches."""

    patterns: tuple[Pattern, ...]

    def __init__(self, *patterns: Pattern) -> None:
        object.__setattr__(self, "patterns", patterns)


Pattern = AnyValue | Constant | Apply[Any] | OneOf


@dataclass(frozen=True)
class Reject:
    """Why a structural match was not rewritten."""

    reason: str


class Match:
    """What one match bound, and the nodes and constants that will replace it."""

    def __init__(self, root: Node, bindings: _Bindings, workspace: _Workspace) -> None:
        self.root = root
        self._bindings = bindings
        self._workspace = workspace
        self.emitted: list[Node] = []
        self.constants: dict[Value, Array] = {}

    def __getitem__(self, pattern: Pattern) -> Value:
        """The value that `pattern` matched."""
        return self._bindings.values[pattern]

    def __contains__(self, pattern: Pattern) -> bool:
        """Whether `pattern`, an alternative of a `OneOf`, took part in the match."""
        return pattern in self._bindings.values

    def node(self, pattern: Apply[Any]) -> Node:
        """The node that `pattern` matched."""
        return self._bindings.nodes[pattern]

    def op(self, pattern: Apply[OpT_co]) -> OpT_co:
        """The operator that `pattern` matched, with its attributes."""
        op = self._bindings.nodes[pattern].op
        assert isinstance(op, pattern.op)
        return op

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes of the match, the root first."""
        return tuple(dict.fromkeys(self._bindings.nodes.values()))

    def constant(self, value: Value | Pattern) -> Array | None:
        """The array of a value or of what a pattern matched; None when it is computed."""
        if not isinstance(value, Value):
            value = self[value]
        found = self.constants.get(value)
        return self._workspace.constants.get(value) if found is None else found

    def uses(self, value: Value) -> int:
        """How many nodes and graph outputs read `value`."""
        return self._workspace.uses(value)

    def users(self, value: Value) -> tuple[Node, ...]:
        """The nodes that read `value`; graph outputs are not among them."""
        return tuple(self._workspace.users.get(value, ()))

    def producer(self, value: Value) -> Node | None:
        """The node that computes `value`; None for inputs and constants."""
        return self._workspace.producer.get(value)

    def emit(self, op: Op, *inputs: Value) -> Value:
        """Add a node with one output; returns that output."""
        (output,) = self.emit_node(op, *inputs)
        return output

    def emit_node(self, op: Op, *inputs: Value) -> tuple[Value, ...]:
        """Add a node; returns its outputs."""
        location = Location()
        for node in self.nodes:
            location = node.location + location
        types = op.infer(*(v.type for v in inputs))
        outputs = tuple(self._fresh(type) for type in types)
        self.emitted.append(Node(op, inputs, outputs, location))
        return outputs

    def emit_constant(self, array: Array) -> Value:
        """Add a constant; returns its value."""
        value = self._fresh(TensorType.of(np.asarray(array)))
        self.constants[value] = np.asarray(array)
        return value

    def _fresh(self, type: TensorType) -> Value:
        return Value(self._workspace.fresh_name(self.root.outputs[0].name), type)


class RewritePass(Pass):
    """A pass given by one pattern. Subclasses define ``root`` and ``rewrite``.

    Where a node matches in several ways, the first that is not rejected is rewritten. A match
    whose inner value has another use is rejected, unless ``shares_inner`` says that the rewrite
    is right and worth it all the same; the inner node then stays for its other users.
    """

    root: ClassVar[Apply[Any] | OneOf]
    shares_inner: ClassVar[bool] = False

    def rewrite(self, match: Match) -> Value | tuple[Value, ...] | Reject:
        """What the root's outputs become, or why they stay."""
        raise PassError(self.name, "this pass does not define rewrite()")

    def run(self, graph: Graph) -> Graph:
        roots = _roots(self.root)
        wanted = tuple(root.op for root in roots)
        kinds = {type(node.op) for node in graph.nodes}
        if not any(_is_possible(root, kinds) for root in roots):
            return graph
        workspace = _Workspace(graph)
        limit = 100 * len(graph.nodes) + 1000
        count = 0
        rejects: dict[str, str] = {}
        changed = True
        while changed:
            changed = False
            rejects.clear()
            for node in workspace.ordered(wanted):
                if node not in workspace.order:
                    continue
                outcome = self._try(node, roots, workspace)
                if isinstance(outcome, Reject):
                    rejects[str(node)] = outcome.reason
                elif outcome:
                    changed = True
                    count += 1
                if count > limit:
                    raise PassError(self.name, f"did not converge after {count} rewrites")
        for where, reason in rejects.items():
            log.debug("%s: %s: %s", self.name, where, reason)
            current().reject(self.name, where, reason)
        return workspace.graph() if count else graph

    def _try(
        self, node: Node, roots: tuple[Apply[Any], ...], workspace: _Workspace
    ) -> bool | Reject:
        """Rewrite at `node` if the pattern matches: whether it did, or why not."""
        first: Reject | None = None
        for root in roots:
            for bindings in _bind_node(root, node, _Bindings({}, {}), workspace):
                outcome = self._apply(Match(node, bindings, workspace), workspace)
                if outcome is None:
                    return True
                first = first or outcome
        return first or False

    def _apply(self, match: Match, workspace: _Workspace) -> Reject | None:
        if not self.shares_inner:
            inside = set(match.nodes)
            for inner in match.nodes[1:]:
                if any(workspace.used_outside(value, inside) for value in inner.outputs):
                    return Reject("an inner value has another use")
        result = self.rewrite(match)
        if isinstance(result, Reject):
            return result
        node = match.root
        if not current().permit(self.name, str(node)):
            return Reject("the bisection limit is reached")
        results = (result,) if isinstance(result, Value) else result
        for old, new in zip(node.outputs, results, strict=True):
            if old.type != new.type:
                raise PassError(
                    f"{self.name}: {node}",
                    f"the rewrite changes a type: expected {old.type}, found {new.type}",
                )
        workspace.splice(match, results)
        return None


def _roots(pattern: Pattern) -> tuple[Apply[Any], ...]:
    """The alternatives of a root pattern."""
    if isinstance(pattern, Apply):
        return (pattern,)
    if isinstance(pattern, OneOf):
        return tuple(root for each in pattern.patterns for root in _roots(each))
    raise PassError("root", f"expected operators, found {pattern}")


def _is_possible(pattern: Pattern, kinds: set[type[Op]]) -> bool:
    """Whether a graph of operators of these kinds can hold what `pattern` matches."""
    if isinstance(pattern, Apply):
        return any(issubclass(kind, pattern.op) for kind in kinds) and all(
            _is_possible(each, kinds) for each in pattern.inputs
        )
    if isinstance(pattern, OneOf):
        return any(_is_possible(each, kinds) for each in pattern.patterns)
    return True


@dataclass
class _Bindings:
    values: dict[Pattern, Value]
    nodes: dict[Apply[Any], Node]

    def bound(self, pattern: Pattern, value: Value) -> _Bindings:
        return _Bindings({**self.values, pattern: value}, self.nodes)


def _bind(
    pattern: Pattern, value: Value, bindings: _Bindings, workspace: _Workspace
) -> Iterator[_Bindings]:
    """All ways to match `pattern` to `value`."""
    if pattern in bindings.values:
        if bindings.values[pattern] is value:
            yield bindings
    elif isinstance(pattern, AnyValue):
        yield bindings.bound(pattern, value)
    elif isinstance(pattern, Constant):
        array = workspace.constants.get(value)
        if array is not None and pattern.accepts(array):
            yield bindings.bound(pattern, value)
    elif isinstance(pattern, OneOf):
        for alternative in pattern.patterns:
            for found in _bind(alternative, value, bindings, workspace):
                yield found.bound(pattern, value)
    else:
        node = workspace.producer.get(value)
        if node is not None and node.outputs[0] is value:
            yield from _bind_node(pattern, node, bindings, workspace)


def _bind_node(
    pattern: Apply[Any], node: Node, bindings: _Bindings, workspace: _Workspace
) -> Iterator[_Bindings]:
    if not isinstance(node.op, pattern.op):
        return
    wanted, found = len(pattern.inputs), len(node.inputs)
    if found < wanted or (found > wanted and not pattern.open):
        return
    start = _Bindings(
        {**bindings.values, pattern: node.outputs[0]}, {**bindings.nodes, pattern: node}
    )
    orders = [node.inputs]
    if node.op.commutative and found == 2:
        orders.append((node.inputs[1], node.inputs[0]))

    def bind_all(at: int, inputs: tuple[Value, ...], so_far: _Bindings) -> Iterator[_Bindings]:
        if at == wanted:
            yield so_far
            return
        for each in _bind(pattern.inputs[at], inputs[at], so_far, workspace):
            yield from bind_all(at + 1, inputs, each)

    for inputs in orders:
        yield from bind_all(0, inputs, start)


@dataclass
class _Workspace:
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

    def splice(self, match: Match, results: tuple[Value, ...]) -> None:
        """Replace the root by the emitted nodes; its values keep their names and users."""
        self.constants.update(match.constants)
        root_key = self.order[match.root]
        self._remove(match.root)
        renamed: dict[Value, Value] = {}
        emitted = {value for node in match.emitted for value in node.outputs}
        for old, new in zip(match.root.outputs, results, strict=True):
            if new in emitted and new not in renamed:
                renamed[new] = old
            else:
                self._redirect(old, renamed.get(new, new))
        for index, node in enumerate(match.emitted):
            node = replace(
                node,
                inputs=tuple(renamed.get(v, v) for v in node.inputs),
                outputs=tuple(renamed.get(v, v) for v in node.outputs),
            )
            self._insert(node, (*root_key, index))
        self._remove_dead(match.root.inputs)

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
