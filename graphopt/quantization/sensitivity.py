"""What each format of each group of layers does to the network's result, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from graphopt.errors import OptionError
from graphopt.ir import Array, Graph
from graphopt.progress import Progress, say
from graphopt.quantization.evaluate import Change, Evaluator, Outputs
from graphopt.quantization.layers import Layer
from graphopt.quantization.loss import Loss, OutputLoss
from graphopt.quantization.samples import Sample

Key = tuple[str, str]
Losses = dict[Key, float]


@dataclass(frozen=True)
class Options:
    """The formats to choose from.

    Attributes:
        layers: the layers of each group; they take one format.
        formats: the formats that each group may take.
        change: what a layer computes with in a format, by the names of both.
        rounding: whether some format rounds what a layer reads.
        parts: by layer, the shape of arrays that round parts of what it reads differently.
    """

    layers: Mapping[str, tuple[str, ...]]
    formats: Mapping[str, tuple[str, ...]]
    change: Callable[[str, str], Change]
    rounding: bool = False
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    @property
    def keys(self) -> list[Key]:
        """All pairs of a group and a format."""
        return [(group, format) for group in self.layers for format in self.formats[group]]

    def changes(self, formats: Mapping[str, str]) -> dict[str, Change]:
        """What the layers of some groups compute with, in a format for each group."""
        return {
            layer: self.change(layer, format)
            for group, format in formats.items()
            for layer in self.layers[group]
        }


@dataclass(frozen=True)
class Trials:
    """A float network, the formats that its layers may take, and samples of its inputs.

    Attributes:
        graph: at the end of the "canonical" phase.
        layers: by name.
        samples: what every loss is the mean over.
        evaluator: runs the network.
        target: what code is compiled for.
    """

    graph: Graph
    layers: Mapping[str, Layer]
    options: Options
    samples: Sequence[Sample]
    evaluator: Evaluator
    target: str = "cpu"

    @staticmethod
    def compiled(
        graph: Graph,
        layers: Mapping[str, Layer],
        options: Options,
        samples: Sequence[Sample],
        target: str = "cpu",
    ) -> Trials:
        """Trials with code for `target`."""
        evaluator = Evaluator(graph, layers, options.rounding, target, parts=options.parts)
        return Trials(graph, layers, options, samples, evaluator, target)

    def thinned(self, count: int) -> Trials:
        """The same with at most so many of the samples, evenly spaced."""
        chosen = np.linspace(0, len(self.samples) - 1, min(count, len(self.samples)))
        return replace(self, samples=[self.samples[round(i)] for i in chosen])

    @cached_property
    def output_loss(self) -> OutputLoss:
        """The distance from the float network's outputs for the samples."""
        return OutputLoss(self.graph, self.evaluator.run(self.samples))

    def measure(self, changes: Mapping[str, Change], loss: Loss | None = None) -> float:
        """The loss with changed layers; by default the output loss."""
        return (loss or self.output_loss)(self.outputs(changes))

    def outputs(self, changes: Mapping[str, Change]) -> list[Outputs]:
        """The outputs for the samples with changed layers."""
        with self.evaluator.changed(changes):
            return self.evaluator.run(self.samples)


def measured(trials: Trials, loss: Loss | None = None, progress: Progress | None = None) -> Losses:
    """The loss when one group alone takes a format and all else stays float.

    After Pandey et al., "A Practical Mixed Precision Algorithm for Post-Training Quantization",
    2023 (arXiv 2302.05397).
    """
    losses: Losses = {}
    for group, format in trials.options.keys:
        say(progress, f"sensitivity of {group} to {format}")
        losses[group, format] = trials.measure(trials.options.changes({group: format}), loss)
    return losses


Method = Callable[[Trials, Loss | None, Progress | None], Losses]


def methods() -> dict[str, Method]:
    """The ways to predict what a format costs, by name; the first one is the default."""
    # It builds on this module.
    from graphopt.quantization.curvature import gauss_newton, hawq

    return {"output": measured, "hawq": hawq, "gauss-newton": gauss_newton}


def sensitivity(
    trials: Trials,
    method: str = "output",
    loss: Loss | None = None,
    progress: Progress | None = None,
) -> Losses:
    """The predicted loss of each group in each format, by one of `methods`.

    Args:
        loss: what "output" measures; None: the output loss. The others predict the output loss.

    Raises:
        OptionError: no such method.
    """
    known = methods()
    if method not in known:
        raise OptionError("sensitivity", f"expected one of {', '.join(known)}, found {method!r}")
    return known[method](trials, loss, progress)


def rank_correlation(a: Sequence[float] | Array, b: Sequence[float] | Array) -> float:
    """Spearman's: the linear correlation of ranks, equal numbers sharing their mean rank.

    NaN where all numbers of `a` or of `b` are equal.
    """
    x, y = (_ranks(np.asarray(each, np.float64)) for each in (a, b))
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else float("nan")


def _ranks(numbers: Array) -> Array:
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Array = (last - (counts - 1) / 2)[inverse]
    return ranks


def rank_correlations(predicted: Losses, actual: Losses) -> dict[str, float]:
    """The rank correlation of two losses: of all pairs ("all"), and of the groups per format."""
    formats = dict.fromkeys(format for _, format in actual)
    chosen = {"all": list(actual)}
    chosen |= {format: [key for key in actual if key[1] == format] for format in formats}
    return {
        name: rank_correlation([predicted[key] for key in keys], [actual[key] for key in keys])
        for name, keys in chosen.items()
    }


def compare_methods(
    trials: Trials,
    held_out: Trials,
    loss: Loss | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, float]]:
    """The rank correlations of each method's predictions with measured losses.

    Args:
        trials: what predictions are made on.
        held_out: what losses are measured on: the same network and options, other samples.
        loss: what is measured on `held_out`; None: the output loss.
    """
    actual = measured(held_out, loss, progress)
    return {
        name: rank_correlations(method(trials, None, progress), actual)
        for name, method in methods().items()
    }
