"""WHERE a program runs: one TOML per device, one module per family."""

from graphopt.targets.target import Target

__all__ = ["Target"]
