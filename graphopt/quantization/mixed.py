"""Choose a format for each layer, so that the network loses least within a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from graphopt.quantization.budget import limits, read_budget
from graphopt.quantization.choices import Network, Request, format_options
from graphopt.quantization.costs import (
    ACTIVATION_BYTES,
    ELEMENT_BYTES,
    LATENCY,
    activation_rows,
    bits,
    layer_costs,
)
from graphopt.quantization.formats import parse_format
from graphopt.quantization.loss import Loss, MetricLoss
from graphopt.quantization.program import Assigned, Program, assign
from graphopt.quantization.samples import Sample, Samples
from graphopt.quantization.sensitivity import Key, Losses, Options, Progress, Trials, sensitivity
from graphopt.solver.precision import FORMATS, Row

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
    """

    formats: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    program: Program
    assigned: Assigned


def choose_formats(network: Network, request: Request, progress: Progress | None = None) -> Mixed:
    """The formats of least loss within a budget.

    Raises:
        OptionError: a format, cost, method or pinned layer that does not exist.
        BudgetError: the budget cannot be met.
        InputError: samples and labels differ in number.
    """
    options = format_options(network, request)
    trials = Trials(
        network.graph, network.layers, options, held_samples(network.samples), network.target
    )
    loss = _loss(trials, request)
    program = _program(
        network, request, options, sensitivity(trials, request.sensitivity, loss, progress)
    )
    assigned = assign(program, trials, loss, progress)
    chosen = assigned.assignment.formats
    formats = {layer: chosen[group] for group, each in options.layers.items() for layer in each}
    return Mixed(formats, options.layers, program, assigned)


def held_samples(samples: Samples) -> list[Sample]:
    """As many of the samples as may be held in memory."""
    held: list[Sample] = []
    size = 0
    for sample in samples:
        size += sum(array.nbytes for array in sample.values())
        if held and size > SAMPLE_BYTES:
            break
        held.append(sample)
    return held


def _loss(trials: Trials, request: Request) -> Loss | None:
    if request.metric is None:
        return None
    reference = trials.evaluator.run(trials.samples)
    labels = list(islice(request.labels, len(reference)))
    return MetricLoss(request.metric, labels, trials.graph, reference)


def _program(network: Network, request: Request, options: Options, losses: Losses) -> Program:
    formats = tuple(dict.fromkeys((UNIFORM, *(format for _, format in options.keys))))
    seconds = network.seconds(formats) if LATENCY in request.budget else {}
    rows = _rows(network, options) if ACTIVATION_BYTES in request.budget else ()

    def summed(layers: Iterable[str], format: str) -> dict[str, float]:
        total: dict[str, float] = {}
        for layer in layers:
            costs = layer_costs(network.layers[layer], parse_format(format))
            if seconds:
                costs[LATENCY] = seconds[layer, format]
            for name, cost in costs.items():
                total[name] = total.get(name, 0.0) + cost
        return total

    costs: dict[Key, dict[str, float]] = {}
    for group, format in options.keys:
        costs[group, format] = summed(options.layers[group], format)
        costs[group, format][ELEMENT_BYTES] = bits(parse_format(format).activations) / 8
    uniform = summed(network.layers, UNIFORM)
    if rows:
        uniform[ACTIVATION_BYTES] = max(row.fixed + sum(row.amounts.values()) for row in rows)
    amounts = read_budget(request.budget, uniform)
    most = amounts.get(FORMATS)
    return Program(losses, costs, limits(amounts, rows), None if most is None else int(most))


def _rows(network: Network, options: Options) -> tuple[Row, ...]:
    groups = {layer: group for group, layers in options.layers.items() for layer in layers}
    quantized = {value for group in network.activations for value in group.values}
    return activation_rows(network.graph, network.layers, groups, quantized)
