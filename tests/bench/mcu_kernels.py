"""Instructions of kernels by kind of layer, exact: python -m tests.bench.mcu_kernels [CORE ...].

For layers as the models of MLPerf Tiny have them, and other widths of weights: which schedule takes
them, the instructions of one call on the emulator with everything that a call does, per
multiply-accumulate and per output element, scratch and stack in bytes. Outputs are compared with
the interpreter's.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from graphopt.ir import DType
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ..schedules.mcu.layers import Layer
from ..schedules.mcu.test_random_layers import First

CORES = ("cortex-m0plus", "rv32imc", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")

_POINT = Layer(
    kind="dense",
    size=(12, 12),
    kernel=(1, 1),
    strides=(1, 1),
    dilations=(1, 1),
    pads=(0, 0, 0, 0),
    channels=64,
    outputs=64,
    groups=1,
    x=DType.I8,
    w=DType.I8,
    result=DType.I8,
    zero_point=3,
    per_channel=True,
    tail="requantized",
    seed=1,
)
_SQUARE = replace(_POINT, kernel=(3, 3), pads=(1, 1, 1, 1))
_DEPTHWISE = replace(_SQUARE, kind="depthwise", channels=1, outputs=1, groups=64)
_DENSE = replace(_POINT, kind="fully connected", size=(1, 1))

LAYERS = {
    "1x1, 8 to 16": replace(_POINT, channels=8, outputs=16),
    "1x1, 64 to 64": _POINT,
    "1x1, 256 to 256, 3x3": replace(_POINT, size=(3, 3), channels=256, outputs=256),
    "1x1, 64 to 64, i4": replace(_POINT, w=DType.I4),
    "1x1, 64 to 64, i2": replace(_POINT, w=DType.I2),
    "1x1, 64 to 64, u8 by i16": replace(_POINT, x=DType.U8, w=DType.I16),
    "1x1, 37 to 41": replace(_POINT, channels=37, outputs=41),
    "3x3, 3 to 8, stride 2": replace(_SQUARE, size=(24, 24), strides=(2, 2), channels=3, outputs=8),
    "3x3, 16 to 16": replace(_SQUARE, channels=16, outputs=16),
    "3x3, 64 to 64": replace(_SQUARE, size=(8, 8)),
    "3x3, 16 to 16, residual": replace(_SQUARE, channels=16, outputs=16, tail="residual"),
    "10x4, 1 to 64, stride 2": replace(
        _SQUARE, size=(49, 10), kernel=(10, 4), strides=(2, 2), pads=(4, 1, 5, 1), channels=1
    ),
    "depthwise 3x3, 24x24": replace(_DEPTHWISE, size=(24, 24), groups=16),
    "depthwise 3x3, 24x24, stride 2": replace(_DEPTHWISE, size=(24, 24), strides=(2, 2), groups=32),
    "depthwise 3x3, 6x6": replace(_DEPTHWISE, size=(6, 6)),
    "depthwise 3x3, 25x5": replace(_DEPTHWISE, size=(25, 5)),
    "depthwise 7x7, 10x10": replace(
        _DEPTHWISE, size=(10, 10), kernel=(7, 7), pads=(3, 3, 3, 3), groups=48
    ),
    "fully connected, 640 to 128": replace(_DENSE, channels=640, outputs=128),
    "fully connected, 128 to 128": replace(_DENSE, channels=128, outputs=128),
}


def table(core: str) -> Table:
    """All layers on one core."""
    target = load_target(core)
    assert isinstance(target, McuTarget)
    checked = check_mcu_schedule(First(), [layer.region() for layer in LAYERS.values()], target)
    printed = Table(title=f"{core}: instructions of kernels")
    printed.add_column("layer")
    for column in ("instructions", "per MAC", "per output", "scratch", "stack"):
        printed.add_column(column, justify="right")
    printed.add_column("schedule")
    for name, each in zip(LAYERS, checked, strict=True):
        (output,) = each.plan.region.outputs
        printed.add_row(
            name,
            f"{each.instructions:,}",
            f"{each.per_mac:.2f}",
            f"{each.instructions / output.type.elements:.1f}",
            str(each.plan.scratch_bytes),
            str(each.stack_bytes),
            each.plan.schedule,
        )
    return printed


def main() -> None:
    for core in sys.argv[1:] or CORES:
        Console(width=120).print(table(core))


if __name__ == "__main__":
    main()
