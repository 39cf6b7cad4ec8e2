"""Depthwise convolution NHWC in f32: vectors of channels, tiles of neighbouring pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphopt.ir import Array, Graph, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.convolution import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.window import axes, plan_window
from graphopt.schedules.region import find_anchor
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

    from graphopt.schedules.emit import Buffer


@dataclass(frozen=True)
class DepthwiseConv2d:
    """Convolutions of constant weights that keep the channels apart."""

    name: str = "depthwise_conv2d"

    def plan(
        self, region: Graph, target: CpuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, Conv)
        if isinstance(where, Reject):
            return where
        op = where.anchor.op
        assert isinstance(op, Conv)
        x, w = where.anchor.inputs[:2]
        if op.layout != "NHWC" or len(op.strides) != 2:
            return Reject("expected a 2-D convolution in NHWC")
        if not op.groups == x.type.dims[-1] == w.type.dims[0]:
            return Reject("expected one input and one output channel in each group")
        if not where.packable(w, constant_inputs):
            return Reject("the weights are not constant")
        kernel_size = w.type.dims[2:]
        cut = axes(x.type, where.result.type, kernel_size, op.strides, op.pads, op.dilations)
        plan = plan_window(where, target, *cut, target.lanes(4))
        if isinstance(plan, Reject):
            return plan

        def build() -> PrimFunc:
            from graphopt.schedules.cpu.depthwise_loops import DepthwiseEmitter
            from graphopt.schedules.emit import kernel

            def body(buffers: Mapping[Value, Buffer], scratch: Buffer | None) -> None:
                DepthwiseEmitter(plan, buffers).emit()

            return kernel(region, body)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=build,
            packs={where.input_index(w): _taps_first},
            inplace=where.inplace(*where.anchor.inputs),
        )


def _taps_first(weights: Array) -> Array:
    """[C, 1, kh, kw] becomes [kh, kw, C]."""
    return np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0))
