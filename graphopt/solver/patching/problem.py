"""What the path solver is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    """One way to run the steps from `first` to `end` - 1.

    Attributes:
        memory: bytes while it runs.
        work, macs: what it costs, both at least 0.
    """

    first: int
    end: int
    memory: int
    work: float
    macs: int


@dataclass(frozen=True)
class Problem:
    """Edges from step 0 to `steps`; several may have the same ends.

    Attributes:
        most_work, most_macs: limits of what all edges of a path cost together.
    """

    steps: int
    edges: tuple[Edge, ...]
    most_work: float | None = None
    most_macs: int | None = None


@dataclass(frozen=True)
class Path:
    """Edges that run every step once, in order, by their index in the problem."""

    edges: tuple[int, ...]
    memory: int
    work: float
    macs: int
