"""Runs a graph by the operators' numpy semantics: the meaning of every graph."""

from collections import Counter
from collections.abc import Mapping

from graphopt.errors import InputError
from graphopt.ir import Array, Graph, TensorType, Value


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run `graph` on arrays by input name; returns arrays by output name.

    Raises:
        InputError: a name, dtype or shape does not fit the graph's inputs.
    """
    expected = {value.name for value in graph.inputs}
    if set(inputs) != expected:
        raise InputError(graph.name, f"inputs: expected {sorted(expected)}, found {sorted(inputs)}")
    for value in graph.inputs:
        found = TensorType.of(inputs[value.name])
        if found != value.type.stored:
            raise InputError(f"%{value.name}", f"input: expected {value.type}, found {found}")
    results = run_body(graph, *(inputs[value.name] for value in graph.inputs))
    return dict(zip(graph.output_names, results, strict=True))


def run_body(graph: Graph, *inputs: Array) -> tuple[Array, ...]:
    """Run `graph` on arrays in the order of its inputs; values are dropped after their last use."""
    env: dict[Value, Array] = dict(zip(graph.inputs, inputs, strict=True))
    env.update(graph.constants)
    uses = Counter(value for node in graph.nodes for value in node.inputs)
    uses.update(graph.outputs)
    for node in graph.nodes:
        arrays = node.op.evaluate(*(env[value] for value in node.inputs))
        env.update(zip(node.outputs, arrays, strict=True))
        uses.subtract(node.inputs)
        for value in {*node.inputs, *node.outputs}:
            if uses[value] <= 0:
                env.pop(value, None)
    return tuple(env[value] for value in graph.outputs)
