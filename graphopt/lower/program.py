"""The lowered form of a graph: distinct kernels, and the steps that run them over one arena."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Array, Graph, Value
from graphopt.lower.kernel import Pack
from graphopt.lower.steps import Call, Kernel, Move, Step, call_sites, listing, walk
from graphopt.solver.memory import Placed
from graphopt.targets import Target


@dataclass(frozen=True)
class Place:
    """Where a constant of shape `shape` lies among the weights, in the order that `pack` gives."""

    offset: int
    shape: tuple[int, ...]
    pack: Pack | None = None

    def write(self, weights: NDArray[np.uint8], array: Array) -> None:
        """Put `array` there, of the constant's dtype and as many elements."""
        shaped = array.reshape(self.shape)
        content = as_bytes(self.pack(shaped) if self.pack is not None else shaped)
        weights[self.offset : self.offset + content.nbytes] = content


@dataclass(frozen=True)
class Chunk:
    """One array among the weights: `elements` of `dtype` from byte `offset` on.

    `name` is that of the constant it was made from.
    """

    offset: int
    dtype: np.dtype[Any]
    elements: int
    name: str

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.itemsize


@dataclass(frozen=True)
class Program:
    """Everything that runs, with every address decided.

    `weights` is one blob of packed constants, uint8. `arena_bytes` is the working memory of one
    run besides inputs and outputs; no plan for this order of calls needs less than
    `arena_lower_bound`. On microcontrollers it includes a place for each input and output, at
    `input_offsets` and `output_offsets` of the arena, where the caller may have them or not; and
    no other order of calls needs less than the bound either; `streamed_inputs` and
    `streamed_outputs`, rows by number, have none. `buffers` are what lies in the arena, live from
    one call site to another by index. `chunks` are the arrays that the weights consist of.
    `places` says of the constants that were asked for where they lie: nothing else lies there, and
    nothing else depends on them.
    """

    graph: Graph
    target: Target
    steps: tuple[Step, ...]
    weights: NDArray[np.uint8]
    arena_bytes: int
    arena_lower_bound: int
    places: Mapping[Value, tuple[Place, ...]] = field(
        default_factory=dict[Value, tuple[Place, ...]]
    )
    chunks: tuple[Chunk, ...] = ()
    buffers: tuple[Placed, ...] = ()
    input_offsets: tuple[int, ...] = ()
    output_offsets: tuple[int, ...] = ()
    streamed_inputs: Mapping[int, int] = field(default_factory=dict[int, int])
    streamed_outputs: Mapping[int, int] = field(default_factory=dict[int, int])

    @cached_property
    def sites(self) -> tuple[tuple[Call, int], ...]:
        """The calls as they are written down, each with the number of times that it runs."""
        return tuple(call_sites(self.steps))

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls as they are written down: those in loops once."""
        return tuple(call for call, _ in self.sites)

    @property
    def routines(self) -> tuple[str, ...]:
        """What runs besides kernels, each a file of `schedules/mcu/routines`."""
        return ("move_rows",) if any(isinstance(s, Move) for s, _ in walk(self.steps)) else ()

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The distinct kernels, in the order of their first call."""
        return tuple({call.kernel.key: call.kernel for call in self.calls}.values())

    def __str__(self) -> str:
        lines = [f"program {self.graph.name} for {self.target.name}", *listing(self.steps)]
        lines.append(f"  arena {self.arena_bytes} bytes, weights {self.weights.nbytes} bytes")
        return "\n".join(lines)


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The memory of an array as one row of bytes."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
