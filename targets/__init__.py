"""WHERE a program runs: one TOML per device, one module per family."""

from graphopt.targets.registry import load_target, missing_features, target_names
from graphopt.targets.target import Target

__all__ = ["Target", "load_target", "missing_features", "target_names"]
