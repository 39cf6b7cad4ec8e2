"""Make regions of kernels that run tile by tile out of a plan."""

from dataclasses import dataclass

from graphopt.ir import Graph
from graphopt.ops import Patched
from graphopt.patching.plan import PatchPlan
from graphopt.patching.regions import apply_plan
from graphopt.rewrite import Pass


@dataclass(frozen=True)
class PatchRegions(Pass):
    """The nodes of each region of the plan become one `patched` node; without regions, none do.

    A graph that has regions already stays as it is.

    Attributes:
        plan: which nodes, and how they run.
    """

    name = "patch-regions"

    plan: PatchPlan = PatchPlan()

    def run(self, graph: Graph) -> Graph:
        """The graph with the regions of the plan.

        Raises:
            PlanError: the plan does not fit the graph.
        """
        if not self.plan.regions or any(isinstance(node.op, Patched) for node in graph.nodes):
            return graph
        return apply_plan(graph, self.plan)
