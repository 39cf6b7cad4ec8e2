"""What the precision program is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum

FORMATS = "formats"
"""The name under which `Problem.max_formats` stands among the limits."""


@dataclass(frozen=True)
class Choice:
    """A format that a group may take.

    Attributes:
        format: its name, such as "w8a8"; the same name means the same format in every group.
        loss: the predicted loss of the model with only this group in this format, at least 0.
        costs: what it costs, by the name of the cost, at least 0; a cost not named here is 0.
    """

    format: str
    loss: float
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Layers that share one format, and the formats to choose from, preferred ones first."""

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Row:
    """One step in time, under a limit on a peak.

    Attributes:
        amounts: by group, how much of the cost it holds at this step. With "bytes of one
            activation" as the cost it is the number of elements in its live tensors.
        fixed: what is held whatever is chosen, in the unit of the limit.
    """

    amounts: Mapping[str, float]
    fixed: float = 0.0


@dataclass(frozen=True)
class Limit:
    """A sum, or the largest of several sums, that must not be above `at_most`.

    Without rows it is the sum of a cost over all groups (weight bytes, BOPS, latency). With rows it
    is the largest of them (peak activation bytes), each the sum of amount times cost over the
    groups that the row names.

    Attributes:
        name: what is limited; "formats" is taken by `Problem.max_formats`.
        at_most: the largest allowed value; infinity allows any.
        cost: the cost of the choices that is summed; by default the one called `name`.
    """

    name: str
    at_most: float
    rows: tuple[Row, ...] = ()
    cost: str = ""

    @property
    def summed(self) -> str:
        """The name of the cost that is summed."""
        return self.cost or self.name


@dataclass(frozen=True)
class Problem:
    """One choice per group, of least summed loss, within every limit at once.

    Attributes:
        equal: sets of groups, each of which takes one format.
        pinned: formats that are given, by group.
        max_formats: how many different formats may be in use.
    """

    groups: tuple[Group, ...]
    limits: tuple[Limit, ...] = ()
    equal: tuple[frozenset[str], ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    max_formats: int | None = None


@dataclass(frozen=True)
class Assignment:
    """A format for every group.

    Attributes:
        formats: the format by group, in the order of the problem's groups.
        loss: the sum of the groups' losses.
        bound: no assignment within the limits has a smaller loss (to the resolution of `solve`).
        costs: the sum of every cost over the groups, and every limit's own value, by name.
        binding: names of the limits that stand in the way of a smaller loss: those which a change
            of one group (or of one set of equal groups) to a choice of smaller loss would break.
    """

    formats: Mapping[str, str]
    loss: float
    bound: float
    costs: Mapping[str, float]
    binding: tuple[str, ...] = ()

    @property
    def optimal(self) -> bool:
        """Whether the loss is proven to be the smallest possible."""
        return self.bound >= self.loss

    @property
    def gap(self) -> float:
        """The share of the loss that a better assignment could save at most."""
        return (self.loss - self.bound) / self.loss if self.loss else 0.0


def loss_of(problem: Problem, formats: Mapping[str, str]) -> float:
    """The predicted loss of an assignment."""
    return fsum(choice.loss for choice in _chosen(problem, formats).values())


def costs_of(problem: Problem, formats: Mapping[str, str]) -> dict[str, float]:
    """The sum of every cost over the groups, and every limit's own value, by name."""
    chosen = _chosen(problem, formats)
    names = dict.fromkeys(name for g in problem.groups for c in g.choices for name in c.costs)
    costs = {name: fsum(c.costs.get(name, 0.0) for c in chosen.values()) for name in names}
    for limit in problem.limits:
        if limit.rows:
            costs[limit.name] = max(
                fsum(
                    [
                        row.fixed,
                        *(
                            a * chosen[g].costs.get(limit.summed, 0.0)
                            for g, a in row.amounts.items()
                        ),
                    ]
                )
                for row in limit.rows
            )
        else:
            costs[limit.name] = costs.get(limit.summed, 0.0)
    return costs


def _chosen(problem: Problem, formats: Mapping[str, str]) -> dict[str, Choice]:
    return {
        group.name: next(c for c in group.choices if c.format == formats[group.name])
        for group in problem.groups
    }
