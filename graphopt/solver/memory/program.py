"""Offsets, and where it is free the order, as a program for CP-SAT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.solver.memory.conflicts import Before, Conflict, Range
from graphopt.solver.memory.order import ancestors, descendants
from graphopt.solver.memory.table import Table

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


@dataclass(frozen=True)
class Found:
    """What a search within a limited effort found; figures in units.

    Attributes:
        offsets: by item; None if no plan below the limit was found.
        order: the steps, or () where the order was given.
        bound: no plan is below it; the limit, if it is proven that none is below that.
    """

    offsets: tuple[int, ...] | None
    order: tuple[int, ...]
    bound: int


def search(
    table: Table,
    conflicts: Sequence[Conflict],
    ranges: Sequence[Range] | None,
    start: Sequence[int],
    bound: int,
    limit: int,
    effort: float,
) -> Found:
    """The offsets of least peak, at least `bound` and below `limit`.

    Args:
        ranges: when items are live, which the conflicts follow from; None if the order is searched
            too, for the conditions of the conflicts' excuses.
        start: offsets to start from.
        bound: at least the size of the largest item.
        effort: deterministic work, about seconds; equal input gives equal output.
    """
    from ortools.sat.python import cp_model

    if bound >= limit:
        return Found(None, (), limit)
    program = _Program(table, limit - 1)
    if ranges is None:
        for conflict in conflicts:
            program.add(conflict)
    else:
        program.add_rectangles(conflicts, ranges)
    for offset, hint in zip(program.offsets, start, strict=True):
        program.model.add_hint(offset, hint)
    peak = program.model.new_int_var(bound, limit - 1, "peak")
    for offset, size in zip(program.offsets, table.sizes, strict=True):
        program.model.add(offset + size <= peak)
    program.model.minimize(peak)
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = effort
    solver.parameters.num_workers = 1
    if ranges is None:
        # Thousands of pairs with a choice each: their linear relaxation says next to nothing.
        solver.parameters.linearization_level = 0
    status = solver.solve(program.model)
    if status == cp_model.INFEASIBLE:
        return Found(None, (), limit)
    proven = max(bound, int(solver.best_objective_bound))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found(None, (), proven)
    order = list(range(table.steps)) if ranges is None else []
    if program.positions:
        order.sort(key=lambda step: solver.value(program.positions[step]))
    return Found(tuple(map(solver.value, program.offsets)), tuple(order), proven)


class _Program:
    """A variable per offset and, as conditions ask for them, per step and per pair of steps."""

    def __init__(self, table: Table, most: int) -> None:
        from ortools.sat.python import cp_model

        self.table = table
        self.model = cp_model.CpModel()
        self.offsets = [
            self.model.new_int_var(0, most - size, f"offset{item}")
            for item, size in enumerate(table.sizes)
        ]
        self.positions: list[cp_model.IntVar] = []
        self.orders: dict[Before, cp_model.IntVar] = {}

    def add_rectangles(self, conflicts: Sequence[Conflict], ranges: Sequence[Range]) -> None:
        """All conflicts in a given order, as rectangles of half steps by addresses.

        An input that some output may share ends in the first half of a step, an output that may
        share some input starts in the second half. So they do not meet as rectangles; what holds
        between all of these is said pair by pair.
        """
        dying = {conflict.first for conflict in conflicts if conflict.excuses}
        born = {conflict.second for conflict in conflicts if conflict.excuses}
        steps, addresses = [], []
        for item in (item for item, size in enumerate(self.table.sizes) if size):
            size, (first, last) = self.table.sizes[item], ranges[item]
            start, end = 2 * first + (item in born), 2 * last + 2 - (item in dying)
            steps.append(self.model.new_fixed_size_interval_var(start, end - start, ""))
            addresses.append(self.model.new_fixed_size_interval_var(self.offsets[item], size, ""))
        self.model.add_no_overlap_2d(steps, addresses)
        for conflict in conflicts:
            a, b = conflict.first, conflict.second
            if a in dying and b in born and ranges[a][1] == ranges[b][0]:
                self.add(conflict)

    def add(self, conflict: Conflict) -> None:
        """One of: the first item below the second, above it, or an excuse."""
        a, b = conflict.first, conflict.second
        after = self.offsets[b] - self.offsets[a]
        below, above = self.model.new_bool_var(""), self.model.new_bool_var("")
        self.model.add(after >= self.table.sizes[a]).only_enforce_if(below)
        self.model.add(after <= -self.table.sizes[b]).only_enforce_if(above)
        options = [below, above]
        for excuse in conflict.excuses:
            orders = [self.order(*each) for each in excuse.conditions]
            sharing = excuse.sharing
            if sharing is None:
                options.append(self._all(orders))
                continue
            if sharing.most > -self.table.sizes[b]:
                options.append(self._all(orders))
                self.model.add(after <= sharing.most).only_enforce_if(options[-1])
            if sharing.inplace:
                options.append(self._all(orders))
                self.model.add(after == 0).only_enforce_if(options[-1])
        self.model.add_bool_or(options)

    def _all(self, orders: Sequence[cp_model.LiteralT]) -> cp_model.IntVar:
        chosen = self.model.new_bool_var("")
        for order in orders:
            self.model.add_implication(chosen, order)
        return chosen

    def order(self, u: int, v: int) -> cp_model.LiteralT:
        """Whether step `u` runs before step `v`, which precedence leaves open."""
        if (v, u) in self.orders:
            return ~self.orders[v, u]
        if (u, v) not in self.orders:
            chosen = self.orders[u, v] = self.model.new_bool_var("")
            self.model.add(self.position(u) < self.position(v)).only_enforce_if(chosen)
            self.model.add(self.position(v) < self.position(u)).only_enforce_if(~chosen)
        return self.orders[u, v]

    def position(self, step: int) -> cp_model.IntVar:
        """The step's place in the order; steps of which it does not matter may share one."""
        if not self.positions:
            last = self.table.steps - 1
            self.positions = [
                self.model.new_int_var(before.bit_count(), last - after.bit_count(), "")
                for before, after in zip(
                    ancestors(self.table), descendants(self.table), strict=True
                )
            ]
            for writer, readers in enumerate(self.table.following):
                for reader in readers:
                    self.model.add(self.positions[writer] < self.positions[reader])
        return self.positions[step]
