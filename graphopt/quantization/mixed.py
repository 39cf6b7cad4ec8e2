"""Choose a format for each layer, so that the network loses least within a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from graphopt.errors import OptionError
from graphopt.progress import Progress
from graphopt.quantization.assignment import SavedAssignment
from graphopt.quantization.budget import Budget, limits, read_budget
from graphopt.quantization.choices import Network, Request, format_options
from graphopt.quantization.costs import (
    ACTIVATION_BYTES,
    ELEMENT_BYTES,
    LATENCY,
    WEIGHT_BYTES,
    activation_rows,
    layer_costs,
)
from graphopt.quantization.formats import parse_format
from graphopt.quantization.loss import Loss, MetricLoss
from graphopt.quantization.program import FEW, Assigned, Program, assign
from graphopt.quantization.samples import Sample
from graphopt.quantization.sensitivity import (
    Key,
    Losses,
    Trials,
    compare_methods,
    sensitivity,
)
from graphopt.solver.precision import FORMATS, Front, Row, pareto_front

# What shares of a budget are taken of.
UNIFORM = "w8a8"
# What the samples of the trials may take in memory.
SAMPLE_BYTES = 256 << 20


@dataclass(frozen=True)
class Mixed:
    """Formats that were chosen, and what they were chosen by.

    Attributes:
        formats: the format of each layer.
        groups: the layers of each group.
        program: predicted losses, costs and limits.
        assigned: the solution, by group.
        correlations: if asked for, how well each sensitivity predicts; see
            `MixedPrecision.correlations`.
    """

    formats: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    program: Program
    assigned: Assigned
    correlations: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )

    def saved(self) -> SavedAssignment:
        """The assignment as it is written to a file."""
        chosen = self.assigned.assignment
        asked = {limit.name: limit.at_most for limit in self.program.limits}
        costs = {name: cost for name, cost in chosen.costs.items() if name != ELEMENT_BYTES}
        return SavedAssignment(self.formats, asked, costs, chosen.loss, chosen.bound)

    def front(self, cost: str = WEIGHT_BYTES, progress: Progress | None = None) -> Front:
        """What loss each amount of `cost` buys, within the other limits."""
        problem = self.program.problem()
        others = tuple(limit for limit in problem.limits if limit.name != cost)
        return pareto_front(replace(problem, limits=others), cost, progress=progress)


class MixedPrecision:
    """Formats for the layers of a network, for one budget after the other."""

    def __init__(
        self, network: Network, request: Request, progress: Progress | None = None
    ) -> None:
        self._network = network
        self._request = request
        self._progress = progress
        self._seconds: Mapping[Key, float] = {}
        self.options = format_options(network, request)
        self.trials = Trials.compiled(
            network.graph,
            network.layers,
            self.options,
            held_samples(network.samples),
            network.target,
        )

    @cached_property
    def loss(self) -> Loss | None:
        """What is measured: the user's metric; None: the distance of the outputs."""
        if self._request.metric is None:
            return None
        reference = self.trials.evaluator.run(self.trials.samples)
        network = self._network
        labels = self._request.labels[network.first :: network.step][: len(reference)]
        return MetricLoss(self._request.metric, labels, self.trials.graph, reference)

    @cached_property
    def losses(self) -> Losses:
        """The predicted loss of each group in each format."""
        # A metric goes with all samples, whose labels it has.
        trials = self.trials.thinned(FEW) if self.loss is None else self.trials
        return sensitivity(trials, self._request.sensitivity, self.loss, self._progress)

    def choose(self, budget: Budget) -> Mixed:
        """The formats of least loss within a budget.

        Raises:
            OptionError: a cost that does not exist, or an amount that means nothing.
            BudgetError: the budget cannot be met.
        """
        program = self.program(budget)
        assigned = assign(program, self.trials, self.loss, self._progress)
        groups, chosen = self.options.layers, assigned.assignment.formats
        formats = {layer: chosen[group] for group, layers in groups.items() for layer in layers}
        correlations = self.correlations() if self._request.compare else {}
        return Mixed(formats, groups, program, assigned, correlations)

    def correlations(self) -> dict[str, dict[str, float]]:
        """How well each sensitivity, predicted on half of the samples, ranks measured losses.

        The losses are measured on the other half. By method, the rank correlation over all groups
        and formats ("all"), and over the groups in each format.
        """
        samples, half = self.trials.samples, len(self.trials.samples) // 2
        first, second = (replace(self.trials, samples=s) for s in (samples[:half], samples[half:]))
        return compare_methods(first, second, progress=self._progress)

    def program(self, budget: Budget) -> Program:
        """Losses, costs and limits."""
        formats = tuple(dict.fromkeys((UNIFORM, *(format for _, format in self.options.keys))))
        if LATENCY in budget and any(parse_format(format).patched for format in formats):
            raise OptionError(
                f"budget: {LATENCY}",
                "expected formats without patches, whose latency is not measured",
                "leave patches or this limit out",
            )
        if LATENCY in budget and not self._seconds:
            self._seconds = self._network.seconds(formats)
        rows = self._rows() if ACTIVATION_BYTES in budget else ()
        costs: dict[Key, dict[str, float]] = {}
        for group, format in self.options.keys:
            costs[group, format] = self._summed(self.options.layers[group], format)
            if rows:
                costs[group, format][ELEMENT_BYTES] = parse_format(format).activations.bits / 8
        uniform = self._summed(self._network.layers, UNIFORM)
        if rows:
            uniform[ACTIVATION_BYTES] = max(row.fixed + sum(row.amounts.values()) for row in rows)
        amounts = read_budget(budget, uniform)
        most = amounts.get(FORMATS)
        return Program(
            self.losses, costs, limits(amounts, rows), None if most is None else int(most)
        )

    def _summed(self, layers: Iterable[str], format: str) -> dict[str, float]:
        """The costs of some layers in a format."""
        total: dict[str, float] = {}
        for layer in layers:
            costs = layer_costs(
                self._network.layers[layer], parse_format(format), self._network.patching
            )
            if self._seconds:
                costs[LATENCY] = self._seconds[layer, format]
            for name, cost in costs.items():
                total[name] = total.get(name, 0.0) + cost
        return total

    def _rows(self) -> tuple[Row, ...]:
        network = self._network
        groups = {name: group for group, names in self.options.layers.items() for name in names}
        quantized = {value for group in network.activations for value in group.values}
        return activation_rows(network.graph, network.layers, groups, quantized)


def choose_formats(network: Network, request: Request, progress: Progress | None = None) -> Mixed:
    """The formats of least loss within the budget of a request.

    Raises:
        OptionError: a format, cost, method or pinned layer that does not exist.
        BudgetError: the budget cannot be met.
        InputError: samples and labels differ in number.
    """
    return MixedPrecision(network, request, progress).choose(request.budget)


def held_samples(samples: Iterable[Sample]) -> list[Sample]:
    """As many of the samples as may be held in memory."""
    held: list[Sample] = []
    size = 0
    for sample in samples:
        size += sum(array.nbytes for array in sample.values())
        if held and size > SAMPLE_BYTES:
            break
        held.append(sample)
    return held
