"""The contract between schedules and the program: a schedule turns a region into a KernelPlan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.ir import Graph
    from graphopt.rewrite import Reject
    from graphopt.targets import Target

Pack = Callable[[NDArray[Any]], NDArray[np.generic]]
AnyTarget = TypeVar("AnyTarget", bound="Target", contravariant=True)


@dataclass(frozen=True)
class KernelPlan:
    """How one region becomes one function.

    A plan follows from (region, target, constant_inputs, schedule code) alone, never from the
    values of the constants: two regions that print alike share one compiled kernel. With
    `identity`, regions of other shapes share it too: the text says all that the code follows
    from, and `sizes` are the numbers that one region gives it at each call.

    `region` is the body graph. `packs` maps the index of a constant region input to the relayout
    of its array, done once while compiling; the kernel sees the packed shape. `scratch_bytes` is
    working memory in the arena that the kernel may overwrite (0: none). `inplace` holds pairs
    (input, output): that output may lie exactly over that input where the input dies here; the
    kernel must then read an element before the same address is written. `overlap` says more of
    kernels that go through memory in one direction: an output may start up to that many bytes
    after the start of an input that dies here, or anywhere before (negative: it starts before).
    It is the least, over the steps of the kernel, of the lowest byte that is still to be read less
    the end of what is written, both counted from their buffers' starts. A pair may stand in both.
    `routines` are functions in assembly that the kernel
    calls by name, each a file of `schedules/mcu/routines`.

    `build` returns an `s_tir` PrimFunc. Its parameters are buffers: region inputs in order (packed
    ones with their packed shapes), outputs in order, when scratch_bytes > 0 a one-dimensional
    uint8 buffer of scratch_bytes, and last the `sizes` as int32. Scratch and packed constants
    start on boundaries of target.alignment; on microcontrollers any buffer does, elsewhere others
    may start at any multiple of their element size. The function uses `T.parallel` only when
    target.threads > 1. Buffers inside it are small and local.
    """

    schedule: str
    region: Graph
    build: Callable[[], PrimFunc]
    packs: Mapping[int, Pack] = field(default_factory=dict[int, Pack])
    scratch_bytes: int = 0
    inplace: tuple[tuple[int, int], ...] = ()
    overlap: Mapping[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    routines: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    identity: str | None = None

    @property
    def noalias(self) -> bool:
        """Whether no two parameters ever share memory."""
        return not self.inplace and not self.overlap


class Schedule(Protocol[AnyTarget]):
    """A way to run some regions on one family of targets. Planning imports no TVM."""

    @property
    def name(self) -> str: ...

    def plan(
        self, region: Graph, target: AnyTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        """Plan `region` for `target`, or say why this schedule does not take it.

        `constant_inputs` are the indices of region inputs whose arrays are known when compiling:
        only those may be packed.
        """
        ...
