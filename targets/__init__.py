"""WHERE a program runs: one TOML per device, one module per family."""

from graphopt.targets.registry import (
    boards,
    load_cpu,
    load_target,
    missing_features,
    target_names,
)
from graphopt.targets.target import Board, CpuTarget, Emulator, McuTarget, Target, Toolchain

__all__ = [
    "Board",
    "CpuTarget",
    "Emulator",
    "McuTarget",
    "Target",
    "Toolchain",
    "boards",
    "load_cpu",
    "load_target",
    "missing_features",
    "target_names",
]
