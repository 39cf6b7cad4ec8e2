"""The geometry of a 2-D convolution in NHWC, which every way to cut it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from graphopt.ops.convolution import Conv
from graphopt.schedules.cpu.window import Axis, axes
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget


@dataclass(frozen=True)
class ConvGeometry:
    """One convolution, anchor of a region, and the target that it runs on."""

    where: Anchored
    target: CpuTarget

    @cached_property
    def op(self) -> Conv:
        op = self.where.anchor.op
        assert isinstance(op, Conv)
        return op

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """The vertical and the horizontal one."""
        x, w = (v.type for v in self.where.anchor.inputs[:2])
        op = self.op
        return axes(x, self.where.result.type, w.dims[2:], op.strides, op.pads, op.dilations)

    @property
    def channels(self) -> int:
        """Input channels per group."""
        return self.where.anchor.inputs[1].type.dims[1]

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel reads the input pixel of the same number, and no other."""
        return self.op.groups == 1 and all(axis.pointwise for axis in self.axes)
