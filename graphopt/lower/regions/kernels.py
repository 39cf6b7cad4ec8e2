"""The kernels of a region's tiles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from graphopt.analysis.tiles import tile
from graphopt.ir import Graph, Node, Value
from graphopt.lower.choice import Choice, Refused, choose
from graphopt.lower.kernel import Schedule
from graphopt.lower.key import canonical
from graphopt.patching.accumulate import accumulation
from graphopt.patching.events import Fire
from graphopt.targets import Target
from graphopt.text import print_graph


class TileKernels:
    """A kernel for each tile of a region's nodes; tiles that print alike share it."""

    def __init__(
        self, target: Target, constants: Collection[Value], schedules: Sequence[Schedule[Any]]
    ) -> None:
        self.target, self.constants, self.schedules = target, constants, schedules
        self.refused: dict[str, Refused] = {}
        self._by_place: dict[tuple[Any, ...], Choice | None] = {}
        self._by_text: dict[str, Choice | None] = {}

    def of(self, event: Fire) -> Choice | None:
        """The kernel of what is fired; None where no schedule takes it, see `refused`."""
        window = event.outputs[0]
        place = event.node, window.rows, window.columns
        if place not in self._by_place:
            self._by_place[place] = self._choice(event)
        return self._by_place[place]

    def _choice(self, event: Fire) -> Choice | None:
        window = event.outputs[0]
        sums = accumulation(event.node) if event.accumulates else None
        where = window.rows, window.columns
        part = tile(event.node, *where) if sums is None else sums.part(*where)
        windows = tuple(None if w is None else (w.rows, w.columns) for w in event.inputs)
        assert part.inputs == windows, "a tile reads what the event says"
        known = frozenset(
            i
            for i, (value, part) in enumerate(zip(event.node.inputs, event.inputs, strict=True))
            if value in self.constants and part is None
        )
        return self._kernel(event.node, part.graph, known)

    def combination(self, node: Node) -> Choice | None:
        """The kernel that adds a part of a reduction to the parts before; None as in `of`."""
        sums = accumulation(node)
        assert sums is not None
        return self._kernel(node, sums.combination(), frozenset())

    def _kernel(self, node: Node, region: Graph, known: frozenset[int]) -> Choice | None:
        text = f"{_text(region)}\n{sorted(known)}"
        if text not in self._by_text:
            found = choose(region, self.target, known, self.schedules)
            if not isinstance(found, Choice):
                self.refused[text] = Refused(node, region, found)
            self._by_text[text] = found if isinstance(found, Choice) else None
        return self._by_text[text]


def _text(region: Graph) -> str:
    arrays = [array.tobytes() for array in region.constants.values()]
    return f"{print_graph(canonical(region))}\n{arrays}"
