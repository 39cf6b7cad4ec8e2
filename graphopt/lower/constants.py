"""Where the constants lie that the kernels of a program read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from graphopt.ir import Array, Graph, Node, Value
from graphopt.lower.choice import Choice
from graphopt.lower.regions.plan import RegionPlan
from graphopt.lower.steps import Address
from graphopt.lower.weights import Weights

Plan = Choice | RegionPlan


class Constants:
    """The constants of a program, each packed as its kernels want it.

    Attributes:
        weights: the blob in which they lie.
        unpacked: by constant, or what only renames it, the address of those needed as they are.
    """

    def __init__(
        self,
        graph: Graph,
        plans: Mapping[Node, Plan],
        roots: Mapping[Value, Value],
        weights: Weights,
    ) -> None:
        # Roots are constants, and aliases of constants, by the constant they are.
        self.weights = weights
        self.unpacked: dict[Value, Address] = {}
        self._roots = roots
        self._addresses: dict[tuple[Node, Node, int, int], Address] = {}
        for node, plan in plans.items():
            inside = ((node, plan),) if isinstance(plan, Choice) else plan.choices
            for inner, choice in inside:
                for i in sorted(choice.constants):
                    self._addresses[node, inner, id(choice), i] = self._store(
                        self._outer(plan, inner.inputs[i]), choice, i
                    )
            for value in () if isinstance(plan, Choice) else plan.whole_constants:
                self._as_it_is(self._outer(plan, value))
        for value in graph.outputs:
            if value in roots:
                self._as_it_is(roots[value])

    def address(self, node: Node, inner: Node, choice: Choice, index: int) -> Address:
        """What a kernel of `node`, or of a node inside of it, gets as input `index`."""
        return self._addresses[node, inner, id(choice), index]

    def held(self, plan: RegionPlan, value: Value) -> Address:
        """Where a constant of a region's body lies as it is, if kernels get it by tiles."""
        return self.unpacked[self._outer(plan, value)]

    def _outer(self, plan: Plan, value: Value) -> Value:
        return value if isinstance(plan, Choice) else plan.outer.get(value, value)

    def _store(self, value: Value, choice: Choice, index: int) -> Address:
        packs = choice.kernel.plan.packs
        if index not in packs:
            return self._as_it_is(value)
        root = self._roots.get(value, value)
        return self.weights.store(root, value.type.dims, packs[index])

    def _as_it_is(self, value: Value) -> Address:
        if value not in self.unpacked:
            root = self._roots.get(value, value)
            self.unpacked[value] = self.weights.store(root, value.type.dims)
        return self.unpacked[value]


def arrays_of(graph: Graph, plans: Mapping[Node, Plan]) -> dict[Value, Array]:
    """The constants of a graph and of the regions inside it."""
    bodies = (plan.op.body for plan in plans.values() if isinstance(plan, RegionPlan))
    inner = chain.from_iterable(body.constants.items() for body in bodies)
    return {**graph.constants, **dict(inner)}
