"""Where in one arena each buffer lies: offsets that never overlap while both are live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64


@dataclass(frozen=True)
class Rectangle:
    """Memory in use from step `first` to step `last`, both included; `size` in bytes."""

    first: int
    last: int
    size: int

    def meets(self, other: Rectangle) -> bool:
        """Whether both are live at some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class ArenaPlan:
    """An offset for each rectangle, in the order given; all figures in bytes.

    `peak` is the arena's size; no plan for this order of steps is below `lower_bound`.
    """

    offsets: tuple[int, ...]
    peak: int
    lower_bound: int


def plan_arena(
    rectangles: Sequence[Rectangle], seconds: float = 2.0, alignment: int = ALIGNMENT
) -> ArenaPlan:
    """Place rectangles so that the peak is small: greedily, then by CP-SAT if that can help.

    The solver minimizes the peak under `NoOverlap2D` of (steps, addresses). It is asked only when
    the greedy plan is above the lower bound, and its answer is taken only when it is better. Its
    work is bounded by a deterministic limit of about `seconds`: equal input gives equal output.
    """
    units = [Rectangle(r.first, r.last, -(-r.size // alignment)) for r in rectangles]
    bound = _lower_bound(units)
    offsets = _greedy(units)
    if _peak(units, offsets) > bound:
        better = _solve(units, offsets, bound, seconds)
        if better is not None and _peak(units, better) < _peak(units, offsets):
            offsets = better
    return ArenaPlan(
        tuple(offset * alignment for offset in offsets),
        _peak(units, offsets) * alignment,
        bound * alignment,
    )


def _peak(rectangles: Sequence[Rectangle], offsets: Sequence[int]) -> int:
    return max((o + r.size for r, o in zip(rectangles, offsets, strict=True)), default=0)


def _lower_bound(rectangles: Sequence[Rectangle]) -> int:
    """The most bytes live at one step."""
    changes: dict[int, int] = {}
    for r in rectangles:
        changes[r.first] = changes.get(r.first, 0) + r.size
        changes[r.last + 1] = changes.get(r.last + 1, 0) - r.size
    live = most = 0
    for step in sorted(changes):
        live += changes[step]
        most = max(most, live)
    return most


def _greedy(rectangles: Sequence[Rectangle]) -> list[int]:
    """Largest first, each into the tightest gap between those already placed."""
    offsets = [0] * len(rectangles)
    placed: list[int] = []
    order = sorted(range(len(rectangles)), key=lambda i: (-rectangles[i].size, rectangles[i].first))
    for index in order:
        size = rectangles[index].size
        taken = sorted(
            (offsets[p], offsets[p] + rectangles[p].size)
            for p in placed
            if rectangles[p].meets(rectangles[index])
        )
        best: tuple[int, int] | None = None
        end = 0
        for low, high in taken:
            if low - end >= size and (best is None or low - end < best[0]):
                best = (low - end, end)
            end = max(end, high)
        offsets[index] = best[1] if best is not None else end
        placed.append(index)
    return offsets


def _solve(
    rectangles: Sequence[Rectangle], start: Sequence[int], bound: int, seconds: float
) -> list[int] | None:
    from ortools.sat.python import cp_model

    limit = _peak(rectangles, start)
    model = cp_model.CpModel()
    peak = model.new_int_var(bound, limit, "peak")
    steps, addresses, offsets = [], [], []
    for index, (r, hint) in enumerate(zip(rectangles, start, strict=True)):
        offset = model.new_int_var(0, limit - r.size, f"offset{index}")
        model.add_hint(offset, hint)
        model.add(offset + r.size <= peak)
        length = r.last - r.first + 1
        steps.append(model.new_fixed_size_interval_var(r.first, length, f"steps{index}"))
        addresses.append(model.new_fixed_size_interval_var(offset, r.size, f"addresses{index}"))
        offsets.append(offset)
    model.add_no_overlap_2d(steps, addresses)
    model.minimize(peak)
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [solver.value(offset) for offset in offsets]
