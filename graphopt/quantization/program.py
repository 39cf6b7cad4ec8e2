"""From predicted losses to a format for each group: the program, corrected by measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from graphopt.ir import Array
from graphopt.progress import Progress, say
from graphopt.quantization.loss import Loss
from graphopt.quantization.sensitivity import Key, Losses, Trials
from graphopt.solver.precision import Assignment, Choice, Group, Limit, Problem, solve
from graphopt.solver.precision.problem import costs_of, loss_of

# Losses do not add up where they are large. The program is solved for these powers of them too.
POWERS = (0.5, 2.0)
# Rounds of measuring around the best assignment, and the share of groups that one may change.
ROUNDS = 2
FIRST_SHARE = 0.5
CHANGES = "changes"
# Standard errors that a difference must exceed; by chance it does once in fifty times.
ERRORS = 2
# Samples that the losses of single changes are measured on; their ranks are as with twice as many.
FEW = 32


@dataclass(frozen=True)
class Program:
    """Formats to choose, their costs, and the limits on them.

    Attributes:
        losses: the predicted loss of each group in each format.
        costs: by group and format, the costs by name.
        limits: as `Problem` has them.
        max_formats: how many different formats may be in use.
    """

    losses: Losses
    costs: Mapping[Key, Mapping[str, float]]
    limits: tuple[Limit, ...] = ()
    max_formats: int | None = None

    def problem(self, losses: Losses | None = None) -> Problem:
        """The program for these losses; by default its own."""
        losses = losses or self.losses
        choices: dict[str, list[Choice]] = {}
        for (group, format), loss in losses.items():
            choice = Choice(format, max(loss, 0.0), self.costs[group, format])
            choices.setdefault(group, []).append(choice)
        return Problem(
            tuple(Group(name, tuple(each)) for name, each in choices.items()),
            self.limits,
            max_formats=self.max_formats,
        )


@dataclass(frozen=True)
class Assigned:
    """An assignment with its predicted loss, and the loss measured with all formats at once."""

    assignment: Assignment
    measured: float


def assign(
    program: Program, trials: Trials, loss: Loss | None = None, progress: Progress | None = None
) -> Assigned:
    """The formats of least measured loss that were found within the limits.

    The program adds up losses of single groups. Where they are large they do not add up: so its
    solution and those for other powers of the losses are measured, with all formats at once, as
    well as one format for all groups, and the best that it leaves room to raise. Of these the
    first counts, unless another is better by more than two standard errors of the difference over
    the samples, or is better and none of its single losses is larger.
    Around the best one the loss of every single change is measured then, and the program solved
    again for these, for a limited number of changes, which is halved until that is better.

    Args:
        loss: what is measured; None: the output loss.

    Raises:
        BudgetError: the limits cannot be met.
    """
    search = _Search(program, trials, loss, progress)
    problem = program.problem()
    predicted = solve(problem)
    for formats in _uniform(problem):
        search.consider(formats)
        raised = {
            key: loss
            for key, loss in program.losses.items()
            if loss <= program.losses[key[0], formats[key[0]]]
        }
        search.consider(solve(program.problem(raised)).formats)
    search.consider(predicted.formats)
    if predicted.binding:
        for power in POWERS:
            losses = {key: loss**power for key, loss in program.losses.items()}
            search.consider(solve(program.problem(losses)).formats)
        for _ in range(ROUNDS):
            if not search.improve():
                break
    return Assigned(
        replace(
            predicted,
            formats=search.formats,
            loss=loss_of(problem, search.formats),
            costs=costs_of(problem, search.formats),
        ),
        search.loss,
    )


class _Search:
    """The best assignment so far, and its measured loss."""

    def __init__(
        self, program: Program, trials: Trials, loss: Loss | None, progress: Progress | None
    ) -> None:
        self._program = program
        self._trials = trials
        # A metric goes with all samples, whose labels it has.
        self._few = trials.thinned(FEW) if loss is None else trials
        self._loss = loss
        self._progress = progress
        self._seen: dict[tuple[str, ...], Array] = {}
        self._losses: Array = np.zeros(0)
        self.formats: Mapping[str, str] = {}

    def consider(self, formats: Mapping[str, str]) -> bool:
        """Whether these formats are the best by measurement."""
        losses = self._measure(formats)
        if self.formats:
            gains = self._losses - losses
            single = self._program.losses
            raised = all(single[g, f] <= single[g, self.formats[g]] for g, f in formats.items())
            chance = 0.0 if raised else ERRORS * gains.std() / math.sqrt(gains.size)
            if not gains.mean() > chance:
                return False
        self.formats, self._losses = formats, losses
        return True

    @property
    def loss(self) -> float:
        """The measured loss of the best formats."""
        return float(self._losses.mean())

    def improve(self) -> bool:
        """Whether better formats were found near the best ones."""
        say(self._progress, f"measuring changes of an assignment with loss {self.loss:.4g}")
        changes = self._few.options.changes
        unchanged = self._few.measure(changes(self.formats), self._loss)
        measured = {
            (group, format): unchanged
            if format == self.formats[group]
            else self._few.measure(changes({**self.formats, group: format}), self._loss)
            for group, format in self._program.losses
        }
        least = dict.fromkeys(self.formats, math.inf)
        for (group, _), loss in measured.items():
            least[group] = min(least[group], loss)
        problem = self._program.problem({key: x - least[key[0]] for key, x in measured.items()})
        allowed = int(FIRST_SHARE * len(self.formats))
        while allowed >= 1:
            if self.consider(solve(_near(problem, self.formats, allowed)).formats):
                return True
            allowed //= 2
        return False

    def _measure(self, formats: Mapping[str, str]) -> Array:
        """The loss of each sample; of all samples, where only that is known."""
        key = tuple(formats[group] for group in self._trials.options.layers)
        if key not in self._seen:
            outputs = self._trials.outputs(self._trials.options.changes(formats))
            self._seen[key] = (
                self._trials.output_loss.of_each(outputs)
                if self._loss is None
                else np.array([self._loss(outputs)])
            )
        return self._seen[key]


def _uniform(problem: Problem) -> Iterator[dict[str, str]]:
    """The assignments of one format to all groups that hold all limits."""
    formats = dict.fromkeys(c.format for group in problem.groups for c in group.choices)
    for format in formats:
        if all(any(c.format == format for c in group.choices) for group in problem.groups):
            assigned = {group.name: format for group in problem.groups}
            costs = costs_of(problem, assigned)
            if all(costs[limit.name] <= limit.at_most for limit in problem.limits):
                yield assigned


def _near(problem: Problem, formats: Mapping[str, str], changes: int) -> Problem:
    """The problem, but at most so many groups take another format than the one given."""
    groups = tuple(
        replace(
            group,
            choices=tuple(
                replace(c, costs={**c.costs, CHANGES: float(c.format != formats[group.name])})
                for c in group.choices
            ),
        )
        for group in problem.groups
    )
    return replace(problem, groups=groups, limits=(*problem.limits, Limit(CHANGES, changes)))
