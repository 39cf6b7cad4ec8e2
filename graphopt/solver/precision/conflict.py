"""Why no assignment holds every limit: which limits conflict, and what each of them can reach."""

from __future__ import annotations

from graphopt.errors import BudgetError
from graphopt.solver.precision.problem import FORMATS, Problem
from graphopt.solver.precision.reach import can_hold, smallest


def explain(problem: Problem, effort: float) -> BudgetError:
    """The error for a problem whose limits no assignment holds.

    Limits that are out of reach by themselves are named with the smallest value that the pins and
    equalities allow. If there are none, a smallest conflict is named (without any one of its limits
    the others can be held), each limit with the smallest value it can reach while the others hold.
    """
    names = [limit.name for limit in problem.limits]
    if problem.max_formats is not None:
        names.append(FORMATS)
    alone = [name for name in names if not can_hold(problem, [name], effort)]
    if alone:
        return _out_of_reach(problem, alone, effort)
    conflict = list(names)
    for name in names:
        others = [other for other in conflict if other != name]
        if not can_hold(problem, others, effort):
            conflict = others
    return _at_odds(problem, conflict, effort)


def _out_of_reach(problem: Problem, names: list[str], effort: float) -> BudgetError:
    reach = {name: smallest(problem, name, [], effort) for name in names}
    found = " and ".join(f"{name} {_number(least)}" for name, least in reach.items())
    pins = ", or release pinned groups" if problem.pinned else ""
    return BudgetError(
        _where(names),
        f"expected {_expected(problem, names)}, found that the smallest reachable is {found}",
        f"raise the limit to what can be reached, offer cheaper formats{pins}",
        reach,
    )


def _at_odds(problem: Problem, names: list[str], effort: float) -> BudgetError:
    reach = {
        name: smallest(problem, name, [other for other in names if other != name], effort)
        for name in names
    }
    found = ", ".join(f"{name} can fall to {_number(least)}" for name, least in reach.items())
    return BudgetError(
        _where(names),
        f"expected {_expected(problem, names)}, found no assignment that holds all of them",
        f"raise one of them; while the others hold, {found}",
        reach,
    )


def _where(names: list[str]) -> str:
    return f"limit{'s' if len(names) > 1 else ''} {' and '.join(names)}"


def _expected(problem: Problem, names: list[str]) -> str:
    at_most = {limit.name: limit.at_most for limit in problem.limits}
    at_most[FORMATS] = problem.max_formats or 0
    return " and ".join(f"{name} at most {_number(at_most[name])}" for name in names)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
