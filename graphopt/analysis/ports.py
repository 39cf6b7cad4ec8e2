"""What the integers at the borders of a model stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from graphopt.ir import Graph, Quant, Value
from graphopt.ops import Identity, Reshape, Retype, Transpose

_MOVES = (Identity, Reshape, Retype, Transpose)


@dataclass(frozen=True)
class PortQuants:
    """The quantization of each input and each output of a model, in order; None: not known."""

    inputs: tuple[Quant | None, ...]
    outputs: tuple[Quant | None, ...]


def port_quants(graph: Graph) -> PortQuants:
    """The quantizations that a graph at the end of "quantized" gives its inputs and outputs.

    The types of both are plain integers: what they stand for is the type that they get inside, or
    that they had there, with nothing but moves of elements in between. Uses that disagree, and
    scales along an axis, leave it unknown.
    """
    users, producers = graph.users(), graph.producers()

    def after(value: Value) -> Iterable[Value]:
        moves = (node for node in users.get(value, ()) if isinstance(node.op, _MOVES))
        return (node.output for node in moves if node.inputs[0] is value)

    def before(value: Value) -> Iterable[Value]:
        node = producers.get(value)
        return node.inputs[:1] if node is not None and isinstance(node.op, _MOVES) else ()

    return PortQuants(
        tuple(_common(_quants(value, after)) for value in graph.inputs),
        tuple(_common(_quants(value, before)) for value in graph.outputs),
    )


def _quants(value: Value, step: Callable[[Value], Iterable[Value]]) -> set[Quant]:
    """The first quantizations on every way from `value`."""
    if value.type.quant is not None:
        return {value.type.quant}
    return {quant for reached in step(value) for quant in _quants(reached, step)}


def _common(quants: set[Quant]) -> Quant | None:
    quant = next(iter(quants), None)
    return quant if quant is not None and len(quants) == 1 and quant.axis is None else None
