"""Where every value of a fused graph lies, and when its nodes run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphopt.analysis.live_ranges import owner
from graphopt.ir import Graph, Node, Value
from graphopt.lower.memory import MemoryUse, memory_problem
from graphopt.lower.steps import Address, Move
from graphopt.lower.streams import Streams
from graphopt.ops import Fused, Identity, Reshape, Retype
from graphopt.solver.memory import Placed, placed, plan_memory
from graphopt.targets import McuTarget, Target


@dataclass(frozen=True)
class Placement:
    """The address of every value that is not a constant, and of every node's scratch.

    `order` has every node of the graph; positions of `buffers` count only those that run. On
    microcontrollers the offsets are those of the inputs and outputs in the arena, else there are
    none.
    """

    order: tuple[Node, ...]
    addresses: Mapping[Value, Address]
    scratch: Mapping[Node, Address]
    moves: tuple[Move, ...]
    arena_bytes: int
    arena_lower_bound: int
    buffers: tuple[Placed, ...]
    input_offsets: tuple[int, ...] = ()
    output_offsets: tuple[int, ...] = ()


def is_alias(node: Node) -> bool:
    """Whether a region only renames its input: reshapes and identities, one input, one output."""
    return (
        isinstance(node.op, Fused)
        and len(node.inputs) == len(node.outputs) == 1
        and not node.op.body.constants
        and all(isinstance(inner.op, Reshape | Identity | Retype) for inner in node.op.body.nodes)
    )


def place(
    graph: Graph,
    plans: Mapping[Node, MemoryUse],
    weights: Mapping[Value, Address],
    target: Target,
    streams: Streams,
) -> Placement:
    """Assign memory to a fused graph.

    Inputs and outputs lie where the caller wants them. An output that is an input, a constant or
    an alias of another output is copied there at the end. Everything else shares the arena. On
    microcontrollers the arena also has a place for each input and output, for callers that want
    them there, and the order of the nodes is chosen; elsewhere they run in the order they stand.

    Args:
        plans: the kernel of each node; nodes without one do not run.
        weights: where constants lie that kernels read unpacked or that are outputs.
        streams: inputs and outputs that have no place anywhere.
    """
    on_mcu = isinstance(target, McuTarget)
    aliases = {n.output: n.inputs[0] for n in graph.nodes if n not in plans and is_alias(n)}
    computed = {value for node in graph.nodes for value in node.outputs}
    direct: dict[Value, int] = {}
    for i, value in enumerate(graph.outputs):
        root = owner(value, aliases)
        if root in computed:
            direct.setdefault(root, i)
    indirect = [
        i for i, value in enumerate(graph.outputs) if direct.get(owner(value, aliases)) != i
    ]
    memory = memory_problem(
        graph,
        plans,
        aliases,
        target.alignment,
        elsewhere=tuple(streams.values) if on_mcu else (*graph.inputs, *direct),
        copied=[graph.outputs[i] for i in indirect] if on_mcu else (),
    )
    plan = plan_memory(memory.problem, fixed_order=not on_mcu)
    offsets = dict(zip(memory.values, plan.offsets, strict=False))
    copied = dict(zip(indirect, plan.offsets[len(memory.values) :], strict=False))

    addresses = {value: Address("arena", 0, offsets.get(value, 0)) for value in computed}
    addresses.update((value, Address("input", i, 0)) for i, value in enumerate(graph.inputs))
    addresses.update((root, Address("output", i, 0)) for root, i in direct.items())
    addresses.update(weights)
    for value in aliases:
        root = owner(value, aliases)
        if root in addresses:
            addresses[value] = addresses[root]
    moves = tuple(
        Move(addresses[owner(value, aliases)], Address("output", i, 0), value.type.nbytes)
        for i, value in enumerate(graph.outputs)
        if i in indirect and value.type.nbytes
    )
    return Placement(
        _all_nodes(graph, [memory.nodes[step] for step in plan.order]),
        addresses,
        {
            node: Address("arena", 0, offset)
            for node, offset in zip(memory.nodes, plan.scratch, strict=True)
            if plans[node].scratch_bytes
        },
        moves,
        plan.peak,
        plan.lower_bound,
        placed(memory.problem, plan),
        tuple(offsets.get(value, 0) for value in graph.inputs) if on_mcu else (),
        tuple(
            copied[i] if i in copied else offsets.get(owner(value, aliases), 0)
            for i, value in enumerate(graph.outputs)
        )
        if on_mcu
        else (),
    )


def _all_nodes(graph: Graph, order: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes of `order` in that order, the others as soon as their inputs are there."""
    running = set(order)
    at = {node: position for position, node in enumerate(order)}
    producers = graph.producers()
    for node in graph.nodes:
        if node not in running:
            at[node] = max((at[producers[v]] for v in node.inputs if v in producers), default=-1)
    return tuple(sorted(graph.nodes, key=lambda node: (at[node], node not in running)))


def constant_roots(graph: Graph, aliased: Sequence[Node]) -> dict[Value, Value]:
    """Constants, and aliases of constants, by the constant they are."""
    found = {value: value for value in graph.constants}
    for node in aliased:
        if node.inputs[0] in found:
            found[node.output] = found[node.inputs[0]]
    return found
