"""Which parts of a sequence run as regions: a path of least cost under limits, or least memory."""

from graphopt.solver.patching.path import least_memory, least_work, pareto
from graphopt.solver.patching.problem import Edge, Path, Problem

__all__ = ["Edge", "Path", "Problem", "least_memory", "least_work", "pareto"]
