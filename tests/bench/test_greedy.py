"""The greedy baseline keeps every limit, and the program is never behind it."""

from graphopt.solver.precision import Choice, Group, Limit, Problem, solve
from graphopt.solver.precision.problem import loss_of

from .greedy import raise_greedily
from .precision import network


def test_greedy_falls_for_the_best_ratio() -> None:
    """It raises the small layer and has no room for the large one any more."""
    small = Group("small", (Choice("x", 3, {"bytes": 1}), Choice("y", 0, {"bytes": 2})))
    large = Group("large", (Choice("x", 9, {"bytes": 4}), Choice("y", 0, {"bytes": 8})))
    problem = Problem((small, large), (Limit("bytes", 9),))
    assert raise_greedily(problem, "x") == {"small": "y", "large": "x"}
    assert solve(problem).formats == {"small": "x", "large": "y"}


def test_program_is_never_behind() -> None:
    groups = network(3, 0.4).groups[:40]
    nbytes = sum(group.choices[2].costs["weight_bytes"] for group in groups)
    problem = Problem(groups, (Limit("weight_bytes", 0.6 * nbytes),))
    greedy = loss_of(problem, raise_greedily(problem, "w2a8"))
    assert solve(problem).loss < greedy
