"""Compile many operators as one program, as differential tests want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graphopt import ops
from graphopt.ir import Array, Graph, Node, Op, TensorType, Value
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.runtime.model import Model
from graphopt.schedules.cpu.generic import Generic
from graphopt.targets import load_target


def outputs_of(
    cases: Sequence[tuple[Op, tuple[Array, ...]]], cache: Path, optimization: int = 0
) -> list[tuple[Array, ...]]:
    """What the generic schedule's kernels compute for each operator and its inputs."""
    inputs: list[Value] = []
    nodes: list[Node] = []
    feeds: dict[str, Array] = {}
    for number, (op, arrays) in enumerate(cases):
        values = [Value(f"x{number}_{i}", TensorType.of(array)) for i, array in enumerate(arrays)]
        feeds |= {v.name: a for v, a in zip(values, arrays, strict=True)}
        inputs += values
        results = [
            Value(f"y{number}_{i}", type)
            for i, type in enumerate(op.infer(*(v.type for v in values)))
        ]
        inner = [Value(v.name, v.type) for v in values]
        made = [Value(v.name, v.type) for v in results]
        body = Graph(op.name, tuple(inner), (Node(op, tuple(inner), tuple(made)),), tuple(made))
        nodes.append(Node(ops.Fused(body), tuple(values), tuple(results)))
    graph = Graph(
        "cases", tuple(inputs), tuple(nodes), tuple(v for node in nodes for v in node.outputs)
    )
    target = replace(load_target("cpu"), optimization=optimization)
    program = lower_program(graph, target, [Generic()])
    found = Model(package(program, build(program, CodeCache(cache)))).run(feeds)
    return [tuple(found[v.name] for v in node.outputs) for node in nodes]
