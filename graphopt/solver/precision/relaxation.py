"""What the linear relaxation of a precision problem says: a bound, and a price per option."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np

from graphopt.ir import Array
from graphopt.solver.precision.table import Table


@dataclass(frozen=True)
class Relaxation:
    """The Lagrangian relaxation of the limits at some prices (Fisher 1981).

    Attributes:
        bound: no assignment within the limits has a smaller loss.
        excess: [options], by how much the bound rises if the option is chosen.
    """

    bound: float
    excess: Array


def relax(table: Table, stake: float) -> Relaxation:
    """The relaxation of every row, at the prices of the linear program.

    Any prices give a valid bound: the linear solver's tolerances cost tightness, not truth. What
    the sums here can be rounded by is taken off the bound. `max_formats` is left out.

    Args:
        stake: losses that are further than this above the least of their class count no more to
            the linear program, whose tolerances are relative to the largest.
    """
    room = np.maximum(table.room, 1).astype(np.float64)
    shares = table.rows / room[:, None]
    prices = _prices(table, shares, stake)
    priced = table.loss + prices @ shares
    least = table.least(priced)
    spent = prices * (table.room / room)
    rounding = 1e-12 * (fsum(least) + fsum(np.abs(spent)))
    bound = fsum([*least, *(-spent), -rounding])
    return Relaxation(bound, priced - least[table.owner])


def _prices(table: Table, shares: Array, stake: float) -> Array:
    """[rows], what more of each row's room would save; 0 where the relaxation has no answer."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model()
    above = np.minimum(table.loss - table.least(table.loss)[table.owner], stake) / (stake or 1.0)
    take = [model.add_variable(lb=0.0) for _ in above]
    for start, end in zip(table.starts, [*table.starts[1:], len(take)], strict=True):
        model.add_linear_constraint(mathopt.fast_sum(take[start:end]) == 1.0)
    rows = []
    for share in shares:
        used = mathopt.fast_sum(share[i] * take[i] for i in np.flatnonzero(share))
        rows.append(model.add_linear_constraint(used <= 1.0))
    model.minimize(mathopt.fast_sum(a * t for a, t in zip(above, take, strict=True)))
    result = mathopt.solve(model, mathopt.SolverType.GLOP)
    prices: Array = np.zeros(len(rows))
    if result.has_dual_feasible_solution():
        prices = np.maximum(-np.array(result.dual_values(rows)), 0.0) * stake
    return prices
