"""What the memory planner is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Buffer:
    """Bytes that stay at one address from the step that writes them to the last that reads them.

    Attributes:
        at_entry: there before the first step (a network input); no step writes it.
        at_exit: still there after the last step (a network output). One that no step writes is
            filled after the last step, when all that is `at_exit` must still be whole.
    """

    name: str
    nbytes: int
    at_entry: bool = False
    at_exit: bool = False


@dataclass(frozen=True)
class Step:
    """One call of a kernel. Buffers are named by their index in `Problem.buffers`.

    An output may share addresses with an input only where no later step reads that input, and
    only as the last two attributes permit. Their keys are positions in `reads` and `writes`; an
    input that is read at several positions shares only what is permitted at each of them.

    Attributes:
        reads: buffers in the order of the kernel's parameters, perhaps the same one twice.
        writes: buffers that no other step writes.
        scratch_bytes: memory that this step alone uses.
        inplace: pairs (read, write) that may start at the same address.
        overlap: by pair, how many bytes after the start of the input the output may start at
            most; if negative, it must start that much before.
    """

    name: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    scratch_bytes: int = 0
    inplace: tuple[tuple[int, int], ...] = ()
    overlap: Mapping[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])


@dataclass(frozen=True)
class Problem:
    """Which order of the steps, and which offsets, make the arena small?

    Steps stand in an order in which they can run; every buffer and every step's scratch starts at
    a multiple of `alignment` bytes.
    """

    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    alignment: int


@dataclass(frozen=True)
class MemoryPlan:
    """An order and an offset for everything; all figures in bytes.

    Attributes:
        order: the steps, by index, in the order in which they run.
        offsets: by buffer.
        scratch: by step, the offset of its scratch; 0 for steps without.
        peak: the size of the arena, a multiple of the alignment.
        lower_bound: no plan is smaller: for the order that was given, or for any order where the
            order was free.
    """

    order: tuple[int, ...]
    offsets: tuple[int, ...]
    scratch: tuple[int, ...]
    peak: int
    lower_bound: int

    @property
    def optimal(self) -> bool:
        """Whether the peak is proven to be the smallest possible."""
        return self.peak <= self.lower_bound
