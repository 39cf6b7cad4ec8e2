"""The mixed-precision program: one format per group, least loss within every limit."""

from graphopt.solver.precision.optimum import solve
from graphopt.solver.precision.pareto import Front, pareto_front
from graphopt.solver.precision.problem import (
    FORMATS,
    Assignment,
    Choice,
    Group,
    Limit,
    Problem,
    Row,
)

__all__ = [
    "FORMATS",
    "Assignment",
    "Choice",
    "Front",
    "Group",
    "Limit",
    "Problem",
    "Row",
    "pareto_front",
    "solve",
]
