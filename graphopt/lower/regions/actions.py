"""What a region does: kernels of tiles and copies, with places relative to its buffers."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import Node, Value
from graphopt.lower.choice import Choice


@dataclass(frozen=True)
class Spot:
    """`offset` bytes into the buffer of a value, or, if `whole`, into all of it.

    Without a value, into the scratch of the node that runs.
    """

    value: Value | None
    offset: int
    whole: bool = False


Extent = tuple[Spot, int]
"""A place, and how many bytes from it on are written."""


@dataclass(frozen=True)
class Run:
    """A kernel computes a tile.

    Attributes:
        step: 1 + the position of the node in the body.
        reads: by input of the node.
        scratch_bytes: of the step: the kernel's own, from its start on, then copies of inputs and
            outputs that it cannot take where they lie.
    """

    step: int
    node: Node
    choice: Choice
    macs: int
    reads: tuple[Spot, ...]
    writes: tuple[Extent, ...]
    scratch_bytes: int


@dataclass(frozen=True)
class Copy:
    """Rows of `nbytes` move from one place to another, in a step of the region."""

    step: int
    source: Spot
    destination: Spot
    nbytes: int
    rows: int
    source_pitch: int
    destination_pitch: int

    @property
    def reads(self) -> tuple[Spot, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[Extent, ...]:
        reach = (self.rows - 1) * self.destination_pitch + self.nbytes
        return ((self.destination, reach),)


@dataclass(frozen=True)
class Arrive:
    """The caller's next rows of an input, after `skip` that nobody needs."""

    value: Value
    destination: Spot
    nbytes: int
    rows: int
    skip: int
    reads: tuple[Spot, ...] = ()

    @property
    def writes(self) -> tuple[Extent, ...]:
        return ((self.destination, self.nbytes),)


@dataclass(frozen=True)
class Leave:
    """The next rows of an output, for the caller."""

    value: Value
    source: Spot
    rows: int
    writes: tuple[Extent, ...] = ()

    @property
    def reads(self) -> tuple[Spot, ...]:
        return (self.source,)


Action = Run | Copy | Arrive | Leave
