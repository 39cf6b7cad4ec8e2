"""Copies of parts of an integer input, as the steps of a product read it: wide, with padding."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import TensorType
from graphopt.schedules.cpu.tiling import Blocks
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.cpu.window import Axis


@dataclass(frozen=True)
class StagedAxis:
    """One spatial axis of a convolution whose input is copied together with its padding.

    Position 0 of the copy is where the window of some output starts. What lies between windows
    of one element is left out.
    """

    axis: Axis

    @property
    def step(self) -> int:
        """How far neighbouring positions of the copy are apart in the input."""
        return self.axis.stride if self.axis.kernel == 1 else 1

    @property
    def stride(self) -> int:
        """How far the windows of neighbouring outputs are apart in the copy."""
        return self.axis.stride // self.step

    def length(self, outputs: int) -> int:
        """How many positions the windows of so many outputs span."""
        return (outputs - 1) * self.stride + (self.axis.kernel - 1) * self.axis.dilation + 1

    @property
    def inside(self) -> range:
        """The positions that lie in the input, if output 0 is the first of all."""
        first = -(-self.axis.pad // self.step)
        last = -(-(self.axis.size + self.axis.pad) // self.step)
        length = self.length(self.axis.out)
        return range(min(first, length), max(min(first, length), min(last, length)))


@dataclass(frozen=True)
class Staging:
    """Scratch memory with room for `elements` copied elements for each of some workers."""

    unit: VectorUnit
    x: TensorType
    elements: int
    vector_bytes: int
    work: Blocks

    @property
    def bias(self) -> int:
        """What is added to copied elements, to make bytes unsigned."""
        moved = self.unit.terms == 4 and self.x.dtype.is_signed
        return 1 << self.x.dtype.bits - 1 if moved else 0

    @property
    def dtype(self) -> str:
        return "int16" if self.unit.terms == 2 else "uint8"

    @property
    def lanes(self) -> int:
        """How many elements are copied at once."""
        return self.vector_bytes // self.unit.operand_bytes

    @property
    def slot(self) -> int:
        """The elements of one worker; the last step may read beyond those it needs."""
        used = self.elements + self.unit.terms
        return -(-used // self.lanes) * self.lanes

    @property
    def bytes(self) -> int:
        return self.slot * self.work.count * self.unit.operand_bytes
