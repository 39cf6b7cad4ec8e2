"""The memory plan: an order of the steps and an address for every buffer, with proof."""

from graphopt.solver.memory.check import check_plan, check_problem
from graphopt.solver.memory.planner import plan_memory
from graphopt.solver.memory.problem import Buffer, MemoryPlan, Problem, Step

__all__ = [
    "Buffer",
    "MemoryPlan",
    "Problem",
    "Step",
    "check_plan",
    "check_problem",
    "plan_memory",
]
