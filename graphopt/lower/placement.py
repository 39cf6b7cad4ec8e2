"""Where every value of a fused graph lies: which buffers are shared, which leave the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphopt.analysis.live_ranges import live_ranges, owner
from graphopt.ir import Graph, Node, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.program import Address, Copy
from graphopt.ops import Fused, Identity, Reshape, Retype
from graphopt.solver.arena import Rectangle, plan_arena


@dataclass(frozen=True)
class Placement:
    """The address of every value that is not a constant, and of every node's scratch."""

    addresses: Mapping[Value, Address]
    scratch: Mapping[Node, Address]
    copies: tuple[Copy, ...]
    arena_bytes: int
    arena_lower_bound: int


def is_alias(node: Node) -> bool:
    """Whether a region only renames its input: reshapes and identities, one input, one output."""
    return (
        isinstance(node.op, Fused)
        and len(node.inputs) == len(node.outputs) == 1
        and not node.op.body.constants
        and all(isinstance(inner.op, Reshape | Identity | Retype) for inner in node.op.body.nodes)
    )


def place(
    graph: Graph, plans: Mapping[Node, KernelPlan], weights: Mapping[Value, Address]
) -> Placement:
    """Assign memory to a fused graph whose nodes run in the order they stand.

    Outputs are written where the caller wants them. An output that is an input, a constant or
    an alias of another output is copied there at the end. Everything else shares the arena.

    Args:
        plans: the kernel of each node; nodes without one do not run.
        weights: where constants lie that kernels read unpacked or that are outputs.
    """
    aliases = _share(graph, plans)
    computed = {value for node in graph.nodes for value in node.outputs}
    addresses = {value: Address("input", i, 0) for i, value in enumerate(graph.inputs)}
    addresses.update(weights)
    direct: dict[Value, int] = {}
    for i, value in enumerate(graph.outputs):
        root = owner(value, aliases)
        if root in computed and root not in direct:
            direct[root] = i
    addresses.update((root, Address("output", i, 0)) for root, i in direct.items())

    ranges = [r for r in live_ranges(graph, aliases) if r.values[0] not in direct]
    steps = {node: step for step, node in enumerate(graph.nodes)}
    scratch = [(node, plan.scratch_bytes) for node, plan in plans.items() if plan.scratch_bytes]
    rectangles = [Rectangle(r.first, r.last, r.nbytes) for r in ranges]
    rectangles += [Rectangle(steps[node], steps[node], size) for node, size in scratch]
    arena = plan_arena(rectangles)
    offsets = [Address("arena", 0, offset) for offset in arena.offsets]
    addresses.update((r.values[0], offsets[i]) for i, r in enumerate(ranges))
    for value in computed:
        root = owner(value, aliases)
        if root in addresses:
            addresses[value] = addresses[root]
    copies = tuple(
        Copy(addresses[owner(value, aliases)], Address("output", i, 0), value.type.nbytes)
        for i, value in enumerate(graph.outputs)
        if direct.get(owner(value, aliases)) != i and value.type.nbytes
    )
    return Placement(
        addresses,
        {node: offsets[len(ranges) + i] for i, (node, _) in enumerate(scratch)},
        copies,
        arena.peak,
        arena.lower_bound,
    )


def _share(graph: Graph, plans: Mapping[Node, KernelPlan]) -> dict[Value, Value]:
    """Values that lie in the memory of another: reshapes, and outputs written over an input."""
    aliases = {n.output: n.inputs[0] for n in graph.nodes if n not in plans and is_alias(n)}
    last_use: dict[Value, int] = {}
    for step, node in enumerate(graph.nodes):
        last_use.update((owner(value, aliases), step) for value in node.inputs)
    pinned = {*graph.inputs, *graph.constants, *(owner(v, aliases) for v in graph.outputs)}
    for step, node in enumerate(graph.nodes):
        roots = [owner(value, aliases) for value in node.inputs]
        for i, j in plans[node].inplace if node in plans else ():
            root, output = roots[i], node.outputs[j]
            if (
                root in pinned
                or output in pinned
                or last_use[root] != step
                or roots.count(root) > 1
                or output.type.nbytes > root.type.nbytes
                or any(owner(other, aliases) is root for other in node.outputs)
            ):
                continue
            aliases[output] = root
            last_use[root] = max(step, last_use.get(output, step))
    return aliases


def constant_roots(graph: Graph, aliased: Sequence[Node]) -> dict[Value, Value]:
    """Constants, and aliases of constants, by the constant they are."""
    found = {value: value for value in graph.constants}
    for node in aliased:
        if node.inputs[0] in found:
            found[node.output] = found[node.inputs[0]]
    return found
