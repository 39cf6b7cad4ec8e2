"""One quantization, step by step: calibration, formats, ranges, weights, insertion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from graphopt.errors import OptionError, PlanError
from graphopt.instruments import Instruments
from graphopt.ir import Array, DType, Graph
from graphopt.passes.insert_quantizers import InsertQuantizers
from graphopt.pipeline import run_passes
from graphopt.progress import Progress, say, step
from graphopt.quantization.bias import corrected_bias
from graphopt.quantization.calibrate import record
from graphopt.quantization.choices import Network, Request
from graphopt.quantization.coarse import fidelity, find_coarse
from graphopt.quantization.evaluate import Change
from graphopt.quantization.formats import ACTIVATIONS, parse_format
from graphopt.quantization.groups import QuantizerGroup, find_placement
from graphopt.quantization.latency import layer_seconds
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.learned import Learner
from graphopt.quantization.mixed import choose_formats
from graphopt.quantization.patches.apply import apply_patches
from graphopt.quantization.patches.head import Grid, find_head
from graphopt.quantization.patches.patching import Patching, patch_bits
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Histogram, Quantizer, choose_quantizer
from graphopt.quantization.result import Quantized
from graphopt.quantization.samples import Sample, Samples, Some
from graphopt.quantization.settings import Settings
from graphopt.quantization.weights import (
    QuantizedWeights,
    quantize_weights,
)
from graphopt.quantization.widen import widened

# What is stored at least in the groups of activations that are wide.
WIDE = DType.I16
# How many samples tell what 8 bits are too coarse for.
TRIALS = 4


@dataclass(frozen=True)
class Calibration:
    """What the samples showed.

    Attributes:
        histograms: how often the activations of each quantizer group lie where.
        means: the mean over the samples of what a layer reads, of its shape; for the layers
            whose biases are corrected.
    """

    histograms: Mapping[QuantizerGroup, Histogram]
    means: Mapping[str, Array]


class Quantization:
    """One quantization, step by step. With a request, formats are chosen within its budget."""

    def __init__(
        self,
        graph: Graph,
        samples: Samples,
        settings: Settings | None = None,
        request: Request | None = None,
        target: str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        self.graph = graph
        self.samples = samples
        self.settings = settings or Settings()
        self.request = request
        self.target = target
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self._learner = self._new_learner(samples)

    @cached_property
    def patching(self) -> Patching | None:
        """The bits of the patches of the network's head, if it is to have some."""
        if self.settings.patches is None:
            return None
        head = find_head(self.graph, Grid.parse(self.settings.patches))
        with self._step("bits of patches"):
            return patch_bits(
                self.graph, head, self.samples, self.settings.values, self._quantizer, self.target
            )

    def run(self) -> Quantized:
        """All steps."""
        calibration = self.calibrate()
        if self.request is not None:
            with self._step("choose formats"):
                network = self.network(calibration)
                mixed = choose_formats(network, self.request, self.progress)
            return replace(self.quantized(calibration, mixed.formats), mixed=mixed)
        plan = self.plan(calibration)
        if self.settings.floor is not None and "w8a8" in plan.formats.values():
            plan = self.widened(calibration, plan)
        return self.applied(calibration, plan)

    def quantized(
        self, calibration: Calibration, formats: Mapping[str, str] | None = None
    ) -> Quantized:
        """The quantized network for formats of layers; None: those of the settings."""
        return self.applied(calibration, self.plan(calibration, formats))

    def widened(self, calibration: Calibration, plan: QuantizationPlan) -> QuantizationPlan:
        """The plan with 16 bits for what 8 bits are too coarse for."""
        assert self.settings.floor is not None
        with self._step("look for what needs 16 bits"):
            weights, biases = self._layers(calibration, plan)
            coarse = find_coarse(
                self.graph,
                *_trials(calibration, plan, weights, biases),
                list(islice(self.samples, TRIALS)),
                self.settings.floor,
                self.target,
            )
        for name, ratio in {**coarse.groups, **coarse.layers}.items():
            say(self.progress, f"8 bits are too coarse for {name}: alone they leave {ratio:.1f} dB")
        wide = {
            group: self._quantizer(histogram, WIDE)
            for group, histogram in calibration.histograms.items()
        }
        return widened(self.graph, plan, coarse, wide, weights)

    def fidelity(self) -> float:
        """The outputs' signal to noise, in dB, with everything quantized."""
        calibration = self.calibrate()
        plan = self.plan(calibration)
        weights, biases = self._layers(calibration, plan)
        samples = list(islice(self.samples, TRIALS))
        trials = _trials(calibration, plan, weights, biases)
        return fidelity(self.graph, *trials, samples, self.target)

    def applied(self, calibration: Calibration, plan: QuantizationPlan) -> Quantized:
        """The network quantized as a plan says."""
        with self._step("weights"):
            weights, biases = self._layers(calibration, plan)
        with self._step("insert quantizers"):
            quantized = insert(self.graph, plan, weights, biases)
        return Quantized(quantized, plan, self.graph, dict(self.seconds))

    def calibrate(self) -> Calibration:
        """What activations are, over all samples."""
        groups = find_placement(self.graph, quantize_outputs=self.settings.quantize_outputs).groups
        sources = [value for group in groups for value in group.sources]
        corrected = self._corrected()
        with self._step("calibrate"):
            seen = record(
                self.graph,
                sources,
                self.samples,
                self.target,
                self.progress,
                {layer.node.inputs[0] for layer in corrected.values()},
            )
        merged: dict[QuantizerGroup, Histogram] = {}
        for group in groups:
            first, *others = (seen.histograms[value] for value in group.sources)
            for other in others:
                first.merge(other)
            merged[group] = first
        means = {name: seen.means[layer.node.inputs[0]] for name, layer in corrected.items()}
        return Calibration(merged, means)

    def network(self, calibration: Calibration) -> Network:
        """What formats are chosen for.

        Rounding that is learned looks better on the samples that it is learned from. So it is
        learned from every other sample, and formats are tried on those between.
        """
        layers = find_layers(self.graph)
        several = next(iter(Some(self.samples, 1, 1)), None) is not None
        if self.settings.rounding == "learned" and several:
            first, step, learner = 1, 2, self._new_learner(Some(self.samples, 0, 2))
        else:
            first, step, learner = 0, 1, self._learner

        def stored(layer: Layer, dtype: DType) -> tuple[Array, Array | None]:
            weights, bias = self._stored(calibration, layer, dtype, learner)
            return weights.real, bias

        def seconds(formats: Sequence[str]) -> dict[tuple[str, str], float]:
            def quantized(format: str) -> Graph:
                plan = self.plan(calibration, dict.fromkeys(layers, format))
                return insert(self.graph, replace(plan, patches=None))

            return layer_seconds(quantized, layers, formats, next(iter(self.samples)), self.target)

        histograms = calibration.histograms
        return Network(
            self.graph,
            layers,
            tuple(histograms),
            Some(self.samples, first, step),
            lambda group, dtype: self._quantizer(histograms[group], dtype),
            stored,
            seconds,
            self.target,
            first,
            step,
            self.patching,
        )

    def _corrected(self) -> dict[str, Layer]:
        """The layers whose biases are corrected."""
        if not self.settings.correct_biases:
            return {}
        layers = find_layers(self.graph)
        return {name: layer for name, layer in layers.items() if layer.bias is not None}

    def _layers(
        self, calibration: Calibration, plan: QuantizationPlan
    ) -> tuple[dict[str, QuantizedWeights], dict[str, Array]]:
        """The integers of all layers that are not float, and their corrected biases."""
        weights: dict[str, QuantizedWeights] = {}
        biases: dict[str, Array] = {}
        for name, layer in find_layers(self.graph).items():
            chosen = parse_format(plan.formats[name])
            if chosen.is_integer:
                weights[name], bias = self._stored(
                    calibration, layer, chosen.weights, self._learner
                )
                if bias is not None:
                    biases[name] = bias
        return weights, biases

    def _new_learner(self, samples: Iterable[Sample]) -> Learner:
        return Learner(
            self.graph,
            samples,
            self._corrected(),
            self.settings.weight_ranges,
            self.target,
            self.progress,
        )

    def _stored(
        self, calibration: Calibration, layer: Layer, dtype: DType, learner: Learner
    ) -> tuple[QuantizedWeights, Array | None]:
        """The integers of a layer, and its bias if that is corrected."""
        weights: QuantizedWeights | None = None
        if self.settings.rounding == "learned":
            weights = learner.weights(layer, dtype)
        if weights is None:
            own = self.graph.constants[layer.weights]
            weights = quantize_weights(own, layer.axis, dtype, self.settings.weight_ranges)
        mean = calibration.means.get(layer.name)
        if mean is None:
            return weights, None
        return weights, corrected_bias(self.graph, layer, mean, weights.real)

    def plan(
        self,
        calibration: Calibration,
        formats: Mapping[str, str] | None = None,
    ) -> QuantizationPlan:
        """Quantizers for the dtypes that the formats ask of each group.

        Args:
            formats: of layers by name; None: those of the settings.
        """
        settings = self.settings
        layers = find_layers(self.graph)
        named = settings.formats if formats is None else formats
        unknown = sorted(set(named) - set(layers))
        if unknown:
            raise OptionError(
                f"layer {unknown[0]}", f"expected one of {', '.join(layers)}", "check the name"
            )
        formats = {
            name: named.get(name, f"w{settings.weights}a{settings.activations}") for name in layers
        }
        default = ACTIVATIONS[settings.activations]
        wanted: dict[str, set[DType]] = {}
        for name, layer in layers.items():
            chosen = parse_format(formats[name])
            if chosen.is_integer:
                wanted.setdefault(layer.node.inputs[0].name, set()).add(chosen.activations)
        with self._step("ranges"):
            activations = {
                group.name: tuple(
                    self._quantizer(histogram, dtype) for dtype in _dtypes(group, wanted, default)
                )
                for group, histogram in calibration.histograms.items()
            }
        return QuantizationPlan(
            activations,
            formats,
            quantize_outputs=settings.quantize_outputs,
            ranges=settings.ranges,
            weight_ranges=settings.weight_ranges,
            patches=self.patching.planned(formats) if self.patching is not None else None,
        )

    def _quantizer(self, histogram: Histogram, dtype: DType) -> Quantizer:
        symmetric = self.settings.symmetric or dtype is DType.I16
        return choose_quantizer(histogram, dtype, self.settings.ranges, symmetric)

    def _step(self, name: str) -> AbstractContextManager[None]:
        return step(name, self.progress, self.seconds)


def _trials(
    calibration: Calibration,
    plan: QuantizationPlan,
    weights: Mapping[str, QuantizedWeights],
    biases: Mapping[str, Array],
) -> tuple[dict[QuantizerGroup, Quantizer], dict[str, Change]]:
    """What each group and layer would be rounded to."""
    quantizers = {group: plan.quantizer(group.name) for group in calibration.histograms}
    return quantizers, {name: Change(w.real, biases.get(name)) for name, w in weights.items()}


def insert(
    graph: Graph,
    plan: QuantizationPlan,
    weights: Mapping[str, QuantizedWeights] | None = None,
    biases: Mapping[str, Array] | None = None,
) -> Graph:
    """A canonical float graph with the quantizers of a plan; see `InsertQuantizers`.

    With patches in the plan, the graph's head is put in branches.

    Raises:
        PlanError: formats of patches, but no patches; see also `apply_patches`.
    """
    if plan.patches is not None:
        applied = apply_patches(graph, plan, weights or {}, biases or {})
        return insert(applied.graph, applied.plan, applied.weights, applied.biases)
    for name, format in plan.formats.items():
        if parse_format(format).patched:
            raise PlanError(
                f"layer {name}",
                f"format: expected one without patches, found {format}",
                "let the network run in patches, such as patches='4x4' or --patches 4x4",
            )
    inserting = InsertQuantizers(plan, weights or {}, biases or {})
    return run_passes(graph, [inserting], Instruments.from_environment())


def _dtypes(group: QuantizerGroup, wanted: Mapping[str, set[DType]], default: DType) -> list[DType]:
    """What all but layers read first, then what layers ask for."""
    default = WIDE if group.wide else default
    asked = set().union(*(wanted.get(value.name, set()) for value in group.values))
    return [default, *sorted(asked - {default})]
