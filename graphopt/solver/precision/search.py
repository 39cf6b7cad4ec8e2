"""The precision program for CP-SAT: integers only, so nothing rests on a tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp, fsum, ldexp
from typing import TYPE_CHECKING

import numpy as np

from graphopt.ir import Array
from graphopt.solver.precision.table import Table

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

LOSS_BITS = 40


@dataclass(frozen=True)
class Found:
    """One option per class, and a bound on what the offered options can reach.

    Attributes:
        proven: whether nothing better can be reached.
    """

    options: tuple[int, ...]
    bound: float
    proven: bool


class Infeasible(Exception):
    """It is proven that no assignment holds every limit."""


def search(table: Table, offered: Array, effort: float, hint: tuple[int, ...] = ()) -> Found | None:
    """The options of least loss among the offered ones, or None if `effort` finds none.

    Losses count in units of 2^-40 of the loss that is at stake: the largest loss of the offered
    options (of `hint`, if it is given) minus the smallest. Equal losses are told apart by the sum
    of the options' positions.

    Args:
        offered: [options], bool.
        effort: deterministic work, about seconds.

    Raises:
        Infeasible: no assignment of the offered options holds every limit.
    """
    least = table.least(np.where(offered, table.loss, np.inf))
    above = table.loss - least[table.owner]
    if hint:
        stake = fsum(above[list(hint)])
        offered = offered & (above <= stake)
    else:
        stake = fsum(table.most(np.where(offered, above, 0.0)))
    ranks = 1 + int(table.most(table.position).sum())
    bits = min(LOSS_BITS, 61 - ranks.bit_length() - len(table.classes).bit_length())
    exponent = bits - frexp(stake)[1]
    units = np.rint(np.ldexp(np.where(offered, above, 0.0), exponent)).astype(np.int64)

    asked = program(table, offered)
    asked.model.minimize(asked.sum(units * ranks + table.position))
    for option in hint:
        asked.model.add_hint(asked.take[option], True)
    found = asked.solve(effort)
    if found is None:
        return None
    bound = found.bound // ranks - len(table.classes) / 2
    return replace(found, bound=fsum(least) + ldexp(bound, -exponent))


@dataclass(frozen=True)
class Program:
    """A variable per offered option and, under `max_formats`, one per format in use."""

    model: cp_model.CpModel
    take: dict[int, cp_model.IntVar]
    used: dict[str, cp_model.IntVar]

    def sum(self, weights: Array) -> cp_model.LinearExpr:
        """The sum of the weights [options] of the options taken."""
        from ortools.sat.python import cp_model

        variables = list(self.take.values())
        return cp_model.LinearExpr.weighted_sum(variables, [int(weights[i]) for i in self.take])

    def solve(self, effort: float) -> Found | None:
        """The best solution found, and the bound of its objective; equal input, equal output.

        Raises:
            Infeasible: it is proven that there is none.
        """
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.max_deterministic_time = effort
        solver.parameters.num_workers = 1
        # On a few dense knapsacks the linear relaxation and its branching pay, cuts do not.
        solver.parameters.linearization_level = 2
        solver.parameters.max_num_cuts = 0
        solver.parameters.search_branching = cp_model.SatParameters.PSEUDO_COST_SEARCH
        status = solver.solve(self.model)
        if status == cp_model.INFEASIBLE:
            raise Infeasible
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        options = (option for option, variable in self.take.items() if solver.value(variable))
        return Found(tuple(options), solver.best_objective_bound, status == cp_model.OPTIMAL)


def program(table: Table, offered: Array) -> Program:
    """One offered option per class, within every limit, and nothing to minimize yet."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    take = {int(option): model.new_bool_var("") for option in np.flatnonzero(offered)}
    used: dict[str, cp_model.IntVar] = {}
    result = Program(model, take, used)
    for number in range(len(table.classes)):
        members = np.flatnonzero(offered & (table.owner == number)).tolist()
        model.add_exactly_one(take[option] for option in members)
    for row, room in zip(table.rows, table.room, strict=True):
        model.add(result.sum(row) <= int(room))
    if table.max_formats is not None:
        used |= {name: model.new_bool_var("") for name in dict.fromkeys(table.formats)}
        for option, variable in take.items():
            model.add_implication(variable, used[table.formats[option]])
        model.add(sum(used.values()) <= table.max_formats)
    return result
