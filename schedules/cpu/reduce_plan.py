"""The geometry of a reduction."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ops.reduction import Reduce
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget


@dataclass(frozen=True)
class ReducePlan:
    """The input seen as [outer, length, inner], reduced to [outer, inner]."""

    where: Anchored
    target: CpuTarget
    outer: int
    length: int
    inner: int

    @property
    def op(self) -> Reduce:
        op = self.where.anchor.op
        assert isinstance(op, Reduce)
        return op

    @property
    def lanes(self) -> int:
        return self.target.lanes(self.where.result.type.dtype.itemsize)

    @property
    def columns(self) -> int:
        """The last dimension of the output."""
        dims = self.where.result.type.dims
        return dims[-1] if dims else 1
