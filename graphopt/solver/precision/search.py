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


@dataclass(frozen=True)
class Weights:
    """Losses as integers that also tell equal losses apart, by the options' positions.

    Attributes:
        of: [options], i64; what is to be minimized.
        ranks: a weight is a number of units of loss, times this, plus the position.
        exponent: the unit is 2 to the power of minus this.
        classes: how many options are summed.
    """

    of: Array
    ranks: int
    exponent: int
    classes: int

    def bound(self, weight: float) -> float:
        """A loss above the least per class that all assignments of this weight or more have."""
        return ldexp(int(weight) // self.ranks - self.classes / 2, -self.exponent)


def weigh(table: Table, stake: float) -> Weights:
    """Weights that tell apart losses by 2^-40 of `stake`.

    Args:
        stake: a loss above the sum of the least ones of each class.
    """
    classes = len(table.classes)
    ranks = 1 + int(table.most(table.position).sum())
    bits = min(LOSS_BITS, 60 - ranks.bit_length() - classes.bit_length())
    exponent = bits - frexp(stake)[1]
    above = table.loss - table.least(table.loss)[table.owner]
    # What is above the stake by itself need only stay so.
    units = np.rint(np.ldexp(np.minimum(above, 2 * stake), exponent)).astype(np.int64)
    return Weights(units * ranks + table.position, ranks, exponent, classes)


def search(table: Table, offered: Array, effort: float, hint: tuple[int, ...] = ()) -> Found | None:
    """The options of least loss among the offered ones, or None if `effort` finds none.

    Args:
        offered: [options], bool.
        effort: deterministic work, about seconds.
        hint: a known assignment; no worse one is of interest.

    Raises:
        Infeasible: no assignment of the offered options holds every limit.
    """
    above = table.loss - table.least(table.loss)[table.owner]
    if hint:
        stake = fsum(above[list(hint)])
        offered = offered & (above <= stake)
    else:
        stake = fsum(table.most(np.where(offered, above, 0.0)))
    weights = weigh(table, stake)
    asked = program(table, offered)
    asked.model.minimize(asked.sum(weights.of))
    for option in hint:
        asked.model.add_hint(asked.take[option], True)
    found = asked.solve(effort)
    if found is None:
        return None
    return replace(found, bound=fsum(table.least(table.loss)) + weights.bound(found.bound))


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
        # On a few dense knapsacks the linear relaxation and its branching pay, the rest does not.
        solver.parameters.linearization_level = 2
        solver.parameters.search_branching = cp_model.SatParameters.PSEUDO_COST_SEARCH
        solver.parameters.max_num_cuts = 0
        solver.parameters.inprocessing_dtime_ratio = 0.0
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
