"""How kernels store the constant weights of integer products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphopt.ir import Array, DType
from graphopt.schedules.cpu.tiling import Panels, split

ALIGNMENT = 64


@dataclass(frozen=True)
class IntegerWeights:
    """The packed weights of one product per group.

    Panels of all groups, one after the other. Where the input is moved up by `bias`, they follow
    what the sums have to start from to make good for it: one i32 for each output channel.

    Weights of 4 and 2 bits are stored as that many bits, moved up to be unsigned, `fields` of them
    in a byte: bytes next to each other hold the vectors of as many following steps and channels.
    """

    panels: Panels
    groups: int
    dtype: DType
    bias: int

    @property
    def fields(self) -> int:
        """How many weights share a byte; 1 for those of 16 bits too."""
        return max(1, 8 // self.dtype.bits)

    @property
    def lift(self) -> int:
        """What is added to weights that share a byte."""
        return 1 << self.dtype.bits - 1 if self.fields > 1 and self.dtype.is_signed else 0

    @property
    def held(self) -> np.dtype[np.generic]:
        """The type of a weight as a step reads it."""
        if self.dtype is DType.I16:
            return np.dtype(np.int16)
        return np.dtype(np.int8 if self.dtype.is_signed else np.uint8)

    @property
    def stored(self) -> np.dtype[np.generic]:
        """The type of what is stored."""
        return np.dtype(np.uint8) if self.fields > 1 else self.held

    @property
    def first(self) -> int:
        """The number of the first element after the starts."""
        if not self.bias:
            return 0
        size = 4 * self.panels.channels * self.groups
        return -(-size // ALIGNMENT) * ALIGNMENT

    @property
    def chunk(self) -> int:
        """The weights of one step and one vector of channels."""
        return self.panels.lanes * self.panels.unit.terms

    @property
    def vector_elements(self) -> int:
        """How many stored elements belong to one vector of channels."""
        steps = self.panels.vector_elements // self.chunk
        return -(-steps // self.fields) * self.chunk

    @property
    def group_elements(self) -> int:
        """How many stored elements belong to one group of the convolution."""
        return self.vector_elements * self.panels.vectors

    @property
    def elements(self) -> int:
        return self.first + self.group_elements * self.groups

    def pack_runs(self, weights: Array, run: int) -> Array:
        """Pack [O, I/groups, kh, kw]; each `run` products of kh, kw, channels have own steps."""
        padded = self.panels.unit.steps(run) * self.panels.unit.terms
        matrices: list[Array] = []
        for group in np.split(weights, self.groups):
            runs = group.transpose(2, 3, 1, 0).reshape(-1, run, group.shape[0])
            wide = np.zeros((len(runs), padded, group.shape[0]), weights.dtype)
            wide[:, :run] = runs
            matrices.append(wide.reshape(-1, group.shape[0]))
        return self.pack(matrices)

    def pack(self, matrices: Sequence[Array]) -> Array:
        """Pack a [depth, channels] matrix per group."""
        held = [matrix.astype(self.held) for matrix in matrices]
        panels = [self.panels.pack(matrix) for matrix in held]
        if self.fields > 1:
            panels = [self._compressed(packed) for packed in panels]
        if not self.bias:
            return np.concatenate(panels)
        starts = np.zeros(self.first // 4, np.int32)
        sums = np.concatenate([matrix.sum(0, dtype=np.int32) for matrix in held])
        starts[: sums.size] = -self.bias * sums
        return np.concatenate([starts.view(self.stored), *panels])

    def _compressed(self, packed: Array) -> Array:
        """Packed panels with `fields` weights in each byte."""
        lifted = (packed.astype(np.int16) + self.lift).astype(np.uint8)
        size = self.panels.vector_elements
        parts: list[Array] = []
        for group in split(self.panels.vectors, self.panels.most_vectors):
            for number in range(group.count):
                start = (group.start + number * group.size) * size
                panel = lifted[start : start + group.size * size]
                room = np.zeros(group.size * self.vector_elements * self.fields, np.uint8)
                room[: panel.size] = panel
                chunks = room.reshape(-1, self.fields, self.chunk)
                shifts = np.arange(self.fields, dtype=np.uint8) * self.dtype.bits
                parts.append(np.bitwise_or.reduce(chunks << shifts[:, None], axis=1).ravel())
        return np.concatenate(parts)

    @property
    def room(self) -> int:
        """The bytes that a worker needs to unpack one panel; 0 where weights are read as stored."""
        if self.fields == 1:
            return 0
        vectors = min(self.panels.most_vectors, self.panels.vectors)
        return -(-vectors * self.vector_elements * self.fields // ALIGNMENT) * ALIGNMENT
