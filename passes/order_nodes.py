"""Run the nodes in an order in which few bytes are alive at once."""

from graphopt.analysis.order import memory_order
from graphopt.ir import Graph
from graphopt.rewrite import Pass


class OrderNodes(Pass):
    """The nodes become the same nodes in the order of `analysis.order.memory_order`."""

    name = "order-nodes"

    def run(self, graph: Graph) -> Graph:
        order = memory_order(graph)
        return graph if order == graph.nodes else graph.with_nodes(order)
