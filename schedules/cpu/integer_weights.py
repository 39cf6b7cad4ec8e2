"""How kernels store the constant weights of integer products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphopt.ir import Array, DType
from graphopt.schedules.cpu.tiling import Panels

ALIGNMENT = 64
# What quads add to signed elements of the input, to make them unsigned.
BIAS = 128


@dataclass(frozen=True)
class IntegerWeights:
    """The packed weights of one product per group.

    Panels of all groups, one after the other. Where the input is moved up by `BIAS`, they follow
    what the sums have to start from to make good for it: one i32 for each output channel.
    """

    panels: Panels
    groups: int
    dtype: DType
    biased: bool

    @property
    def stored(self) -> np.dtype[np.generic]:
        """The type of a stored weight."""
        if self.dtype is DType.I16:
            return np.dtype(np.int16)
        return np.dtype(np.int8 if self.dtype.is_signed else np.uint8)

    @property
    def first(self) -> int:
        """The number of the first element after the starts."""
        if not self.biased:
            return 0
        size = 4 * self.panels.channels * self.groups
        return -(-size // ALIGNMENT) * ALIGNMENT

    @property
    def elements(self) -> int:
        return self.first + self.panels.elements * self.groups

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
        narrow = [matrix.astype(self.stored) for matrix in matrices]
        panels = [self.panels.pack(matrix) for matrix in narrow]
        if not self.biased:
            return np.concatenate(panels)
        starts = np.zeros(self.first // 4, np.int32)
        sums = np.concatenate([matrix.sum(0, dtype=np.int32) for matrix in narrow])
        starts[: sums.size] = -BIAS * sums
        return np.concatenate([starts.view(np.int8), *panels])
