"""The order of execution, chosen so that few bytes are alive at once."""

from collections.abc import Sequence
from dataclasses import replace

from graphopt.analysis.live_ranges import live_bytes
from graphopt.ir import Graph, Node


def live_peak(graph: Graph, order: Sequence[Node]) -> int:
    """The most bytes of computed values alive at once when `order` runs."""
    return max(live_bytes(replace(graph, nodes=tuple(order))), default=0)


def memory_order(graph: Graph) -> tuple[Node, ...]:
    """The nodes in an order of low `live_peak`, never a higher one than the order they stand in.

    List scheduling: of the nodes whose inputs are there, next comes the one after which the
    fewest more bytes are alive; among equals, the one that stands first.
    """
    scheduled = _list_schedule(graph)
    return min(graph.nodes, scheduled, key=lambda order: live_peak(graph, order))


def _list_schedule(graph: Graph) -> tuple[Node, ...]:
    index = {node: i for i, node in enumerate(graph.nodes)}
    producers = graph.producers()
    users = graph.users()
    readers_left = {value: len(readers) for value, readers in users.items()}
    for value in graph.outputs:
        readers_left[value] = readers_left.get(value, 0) + 1
    inputs_left = {n: len({v for v in n.inputs if v in producers}) for n in graph.nodes}

    def growth(node: Node) -> int:
        """How many more bytes are alive after `node` than before it."""
        freed = sum(
            value.type.nbytes
            for value in dict.fromkeys(node.inputs)
            if readers_left[value] == 1 and value in producers
        )
        kept = sum(v.type.nbytes for v in node.outputs if readers_left.get(v, 0))
        return kept - freed

    ready = [node for node in graph.nodes if not inputs_left[node]]
    order: list[Node] = []
    while ready:
        node = min(ready, key=lambda each: (growth(each), index[each]))
        ready.remove(node)
        order.append(node)
        for value in dict.fromkeys(node.inputs):
            readers_left[value] -= 1
        for value in node.outputs:
            for user in users.get(value, ()):
                inputs_left[user] -= 1
                if not inputs_left[user]:
                    ready.append(user)
    return tuple(order)
