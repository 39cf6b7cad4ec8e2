"""Passes: describe a subgraph, say what replaces it; one engine applies it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from graphopt.errors import PassError
from graphopt.instruments import current
from graphopt.ir import Array, Graph, Location, Node, Op, Quant, TensorType, Value
from graphopt.pattern import (
    AnyValue,
    Apply,
    Bindings,
    Constant,
    OneOf,
    OpT_co,
    Pattern,
    bind_node,
    is_possible,
    root_patterns,
)
from graphopt.workspace import Workspace

__all__ = [
    "AnyValue",
    "Apply",
    "Constant",
    "Match",
    "OneOf",
    "Pass",
    "Pattern",
    "Reject",
    "RewritePass",
]
log = logging.getLogger(__name__)


class Pass:
    """A transformation of graphs: a valid graph in, a valid graph of the same meaning out.

    Options are dataclass fields of the subclass.
    """

    name: ClassVar[str]

    def run(self, graph: Graph) -> Graph:
        raise PassError(self.name, "this pass does not define run()")


@dataclass(frozen=True)
class Reject:
    """Why a structural match was not rewritten."""

    reason: str


class Match:
    """What one match bound, and the nodes and constants that will replace it."""

    def __init__(self, root: Node, bindings: Bindings, workspace: Workspace) -> None:
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

    def emit_constant(self, array: Array, quant: Quant | None = None) -> Value:
        """Add a constant, whose elements may stand for quantized numbers; returns its value."""
        value = self._fresh(replace(TensorType.of(np.asarray(array)), quant=quant))
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
        roots = root_patterns(self.root)
        wanted = tuple(root.op for root in roots)
        kinds = {type(node.op) for node in graph.nodes}
        if not any(is_possible(root, kinds) for root in roots):
            return graph
        workspace = Workspace(graph)
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
        self, node: Node, roots: tuple[Apply[Any], ...], workspace: Workspace
    ) -> bool | Reject:
        """Rewrite at `node` if the pattern matches: whether it did, or why not."""
        first: Reject | None = None
        for root in roots:
            for bindings in bind_node(root, node, Bindings({}, {}), workspace):
                outcome = self._apply(Match(node, bindings, workspace), workspace)
                if outcome is None:
                    return True
                first = first or outcome
        return first or False

    def _apply(self, match: Match, workspace: Workspace) -> Reject | None:
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
        workspace.constants.update(match.constants)
        workspace.splice(node, match.emitted, results)
        return None
