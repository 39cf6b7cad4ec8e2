"""The memory plan: an order of the steps and an address for every buffer, with proof."""

from graphopt.solver.memory.check import check_plan, check_problem
from graphopt.solver.memory.planner import plan_memory
from graphopt.solver.memory.problem import Buffer, MemoryPlan, Problem, Step
from graphopt.solver.memory.usage import SCRATCH_SUFFIX, Placed, fullest, placed

__all__ = [
    "SCRATCH_SUFFIX",
    "Buffer",
    "MemoryPlan",
    "Placed",
    "Problem",
    "Step",
    "check_plan",
    "check_problem",
    "fullest",
    "placed",
    "plan_memory",
]
