"""How large the arena of a graph would be, without the rest of a program."""

from __future__ import annotations

from collections.abc import Collection

from graphopt.ir import Graph, Value
from graphopt.lower.lowering import memory_uses, plan_nodes
from graphopt.lower.memory import memory_problem
from graphopt.lower.placement import constant_roots, is_alias
from graphopt.lower.streams import find_streams
from graphopt.schedules import schedules_for
from graphopt.solver.memory import plan_memory
from graphopt.targets import Target


def arena_bytes(graph: Graph, target: Target, outside: Collection[Value] = ()) -> int:
    """Bytes of the arena of a graph of kernels and patched regions on a microcontroller.

    Args:
        outside: inputs and outputs that have their place elsewhere.

    Raises:
        UnsupportedOperator: no schedule takes some regions.
        PlanError: a patched region cannot be executed as it says.
    """
    aliased = [node for node in graph.nodes if is_alias(node)]
    aliases = {node.output: node.inputs[0] for node in aliased}
    plans = plan_nodes(graph, target, constant_roots(graph, aliased), schedules_for(target))
    streams = find_streams(graph, target, aliases)
    memory = memory_problem(
        graph,
        memory_uses(plans),
        aliases,
        target.alignment,
        elsewhere=(*streams.values, *outside),
    )
    return plan_memory(memory.problem).peak
