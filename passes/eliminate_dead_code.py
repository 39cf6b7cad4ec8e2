"""Drop what no output depends on."""

from graphopt.ir import Graph, Node, Value
from graphopt.rewrite import Pass


class EliminateDeadCode(Pass):
    """A graph with nodes and constants that no output depends on becomes one without them."""

    name = "eliminate-dead-code"

    def run(self, graph: Graph) -> Graph:
        needed: set[Value] = set(graph.outputs)
        kept: list[Node] = []
        for node in reversed(graph.nodes):
            if any(value in needed for value in node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        if len(kept) == len(graph.nodes) and all(v in needed for v in graph.constants):
            return graph
        return graph.with_nodes(reversed(kept))
