"""Patterns: what a subgraph must look like, and all the ways in which one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Generic, TypeVar

import ml_dtypes
import numpy as np

from graphopt.errors import PassError
from graphopt.ir import Array, DType, Node, Op, Value
from graphopt.workspace import Workspace

OpT_co = TypeVar("OpT_co", bound=Op, covariant=True)


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


def root_patterns(pattern: Pattern) -> tuple[Apply[Any], ...]:
    """The alternatives of a root pattern."""
    if isinstance(pattern, Apply):
        return (pattern,)
    if isinstance(pattern, OneOf):
        return tuple(root for each in pattern.patterns for root in root_patterns(each))
    raise PassError("root", f"expected operators, found {pattern}")


def is_possible(pattern: Pattern, kinds: set[type[Op]]) -> bool:
    """Whether a graph of operators of these kinds can hold what `pattern` matches."""
    if isinstance(pattern, Apply):
        return any(issubclass(kind, pattern.op) for kind in kinds) and all(
            is_possible(each, kinds) for each in pattern.inputs
        )
    if isinstance(pattern, OneOf):
        return any(is_possible(each, kinds) for each in pattern.patterns)
    return True


@dataclass
class Bindings:
    """What the patterns of one match stand for."""

    values: dict[Pattern, Value]
    nodes: dict[Apply[Any], Node]

    def bound(self, pattern: Pattern, value: Value) -> Bindings:
        return Bindings({**self.values, pattern: value}, self.nodes)


def _bind(
    pattern: Pattern, value: Value, bindings: Bindings, workspace: Workspace
) -> Iterator[Bindings]:
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
            yield from bind_node(pattern, node, bindings, workspace)


def bind_node(
    pattern: Apply[Any], node: Node, bindings: Bindings, workspace: Workspace
) -> Iterator[Bindings]:
    """All ways to match `pattern` to the first output of `node`."""
    if not isinstance(node.op, pattern.op):
        return
    wanted, found = len(pattern.inputs), len(node.inputs)
    if found < wanted or (found > wanted and not pattern.open):
        return
    start = Bindings(
        {**bindings.values, pattern: node.outputs[0]}, {**bindings.nodes, pattern: node}
    )
    orders = [node.inputs]
    if node.op.commutative and found == 2:
        orders.append((node.inputs[1], node.inputs[0]))

    def bind_all(at: int, inputs: tuple[Value, ...], so_far: Bindings) -> Iterator[Bindings]:
        if at == wanted:
            yield so_far
            return
        for each in _bind(pattern.inputs[at], inputs[at], so_far, workspace):
            yield from bind_all(at + 1, inputs, each)

    for inputs in orders:
        yield from bind_all(0, inputs, start)
