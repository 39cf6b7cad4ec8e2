"""From predicted losses to a format for each group: the program, corrected by measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from graphopt.quantization.loss import Loss
from graphopt.quantization.sensitivity import Key, Losses, Trials
from graphopt.solver.precision import Assignment, Choice, Group, Limit, Problem, solve
from graphopt.solver.precision.problem import costs_of, loss_of

# Losses do not add up where they are large. The program is solved for these powers of them too.
POWERS = (0.5, 2.0)
# Rounds of measuring around the best assignment, and the share of groups that one may change.
ROUNDS = 3
FIRST_SHARE = 0.5
CHANGES = "changes"
Progress = Callable[[str], None]


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
    solution and those for other powers of the losses are measured, with all formats at once.
    Around the best one the loss of every single change is measured then, and the program solved
    again for these, for a limited number of changes; what is better by measurement is kept, and
    the number of changes is halved where nothing is.

    Args:
        loss: what is measured; None: the output loss.

    Raises:
        BudgetError: the limits cannot be met.
    """
    search = _Search(program, trials, loss, progress)
    problem = program.problem()
    predicted = solve(problem)
    search.consider(predicted.formats)
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
        self._loss = loss
        self._progress = progress
        self._seen: dict[tuple[str, ...], float] = {}
        self.formats: Mapping[str, str] = {}
        self.loss = float("inf")

    def consider(self, formats: Mapping[str, str]) -> bool:
        """Whether these formats are the best by measurement."""
        loss = self._measure(formats)
        if loss >= self.loss:
            return False
        self.formats, self.loss = formats, loss
        return True

    def improve(self) -> bool:
        """Whether better formats were found near the best ones."""
        if self._progress is not None:
            self._progress(f"measuring changes of an assignment with loss {self.loss:.4g}")
        measured = {
            (group, format): self._measure({**self.formats, group: format})
            for group, format in self._program.losses
        }
        least = dict.fromkeys(self.formats, self.loss)
        for (group, _), loss in measured.items():
            least[group] = min(least[group], loss)
        problem = self._program.problem({key: x - least[key[0]] for key, x in measured.items()})
        allowed = int(FIRST_SHARE * len(self.formats))
        while allowed >= 1:
            if self.consider(solve(_near(problem, self.formats, allowed)).formats):
                return True
            allowed //= 2
        return False

    def _measure(self, formats: Mapping[str, str]) -> float:
        key = tuple(formats[group] for group in self._trials.options.layers)
        if key not in self._seen:
            self._seen[key] = self._trials.measure(
                self._trials.options.changes(formats), self._loss
            )
        return self._seen[key]


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
