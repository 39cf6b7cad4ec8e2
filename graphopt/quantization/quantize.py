"""From a float graph and samples to a quantized graph."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphopt.api import Progress, Shapes, compile
from graphopt.errors import ArtifactError, InputError, OptionError
from graphopt.instruments import Instruments
from graphopt.ir import Array, DType, Graph
from graphopt.passes.insert_quantizers import InsertQuantizers
from graphopt.pipeline import run_passes
from graphopt.quantization.assignment import write_assignment
from graphopt.quantization.bias import corrected_bias
from graphopt.quantization.budget import Budget
from graphopt.quantization.calibrate import record
from graphopt.quantization.choices import Network, Request
from graphopt.quantization.coarse import fidelity, find_coarse
from graphopt.quantization.evaluate import Change
from graphopt.quantization.formats import ACTIVATIONS, WEIGHTS, parse_format
from graphopt.quantization.groups import QuantizerGroup, find_placement
from graphopt.quantization.latency import layer_seconds
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.learned import Learner
from graphopt.quantization.loss import Metric
from graphopt.quantization.mixed import Mixed, choose_formats
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Histogram, Quantizer, RangeMethod, choose_quantizer
from graphopt.quantization.samples import Data, Sample, Samples, Some
from graphopt.quantization.weights import (
    QuantizedWeights,
    RoundingMethod,
    WeightMethod,
    quantize_weights,
)
from graphopt.quantization.widen import widened

if TYPE_CHECKING:
    from onnx import ModelProto

    from graphopt.runtime.model import Model

# What is stored at least in the groups of activations that are wide.
WIDE = DType.I16
# How many samples tell what 8 bits are too coarse for.
TRIALS = 4


@dataclass(frozen=True)
class Settings:
    """How to quantize.

    Attributes:
        weights, activations: bits of the layers that `formats` does not name.
        formats: formats of layers by name, such as "w4a8" or "f32".
        ranges: how the range of an activation follows from what the samples show; see
            `choose_quantizer`.
        weight_ranges: how the scale of a channel's weights is chosen; see `quantize_weights`.
        rounding: "nearest", or "learned": see `Learner`.
        symmetric: zero points of activations are 0; 16-bit ones always are.
        quantize_outputs: quantize the outputs of the graph too.
        correct_biases: let biases make up for the mean error of rounded weights.
        floor: an activation or layer of 8 bits that alone leaves the outputs with less signal to
            noise than this, in dB, gets 16 bits; None: all keep theirs.
        equalize: even out the channels between convolutions, where that helps.
    """

    weights: int = 8
    activations: int = 8
    formats: Mapping[str, str] = field(default_factory=dict[str, str])
    ranges: RangeMethod = "mse"
    weight_ranges: WeightMethod = "mse"
    rounding: RoundingMethod = "learned"
    symmetric: bool = False
    quantize_outputs: bool = False
    correct_biases: bool = True
    floor: float | None = 25.0
    equalize: bool = True


@dataclass(frozen=True)
class Quantized:
    """The result of quantization.

    Attributes:
        graph: canonical, with quantize and dequantize around everything that has an integer form.
        plan: what was decided.
        float_graph: the canonical graph before.
        seconds: the time of each step.
        mixed: what the formats of the layers were chosen by, if there was a budget.
    """

    graph: Graph
    plan: QuantizationPlan
    float_graph: Graph
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    mixed: Mixed | None = None

    def compile(self, target: str = "cpu", threads: int = 1) -> Model:
        """Machine code for the quantized graph; see `graphopt.compile`."""
        return compile(self.graph, target, threads=threads)

    def save(self, folder: str | Path) -> None:
        """Write `model.onnx`, in QDQ form, `plan.json` and, after a budget, `assignment.json`.

        Raises:
            ArtifactError: the folder cannot be written.
            UnsupportedOperator: a node has no form in ONNX.
        """
        from graphopt.frontend import export_onnx

        folder = Path(folder)
        content = export_onnx(self.graph).SerializeToString()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.onnx").write_bytes(content)
            self.plan.save(folder / "plan.json")
            if self.mixed is not None:
                write_assignment(self.mixed.saved(), folder / "assignment.json")
        except OSError as error:
            raise ArtifactError(str(folder), f"cannot be written: {error.strerror}") from error


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
            self._say(f"8 bits are too coarse for {name}: alone they leave {ratio:.1f} dB")
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
                return insert(self.graph, self.plan(calibration, dict.fromkeys(layers, format)))

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
        )

    def _quantizer(self, histogram: Histogram, dtype: DType) -> Quantizer:
        symmetric = self.settings.symmetric or dtype is DType.I16
        return choose_quantizer(histogram, dtype, self.settings.ranges, symmetric)

    def _say(self, line: str) -> None:
        if self.progress is not None:
            self.progress(line)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._say(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def quantize(
    model: str | Path | bytes | ModelProto | Graph,
    data: Data | None,
    weights: int = 8,
    activations: int = 8,
    *,
    formats: Mapping[str, str] | None = None,
    plan: QuantizationPlan | None = None,
    budget: Budget | None = None,
    choices: Sequence[str] = Request.formats,
    sensitivity: str = Request.sensitivity,
    compare: bool = False,
    metric: Metric | None = None,
    labels: Sequence[Any] = (),
    ranges: RangeMethod = Settings.ranges,
    weight_ranges: WeightMethod = Settings.weight_ranges,
    rounding: RoundingMethod = Settings.rounding,
    symmetric: bool = False,
    quantize_outputs: bool = False,
    correct_biases: bool = True,
    floor: float | None = Settings.floor,
    equalize: bool = True,
    limit: int | None = None,
    shapes: Shapes | None = None,
    target: str = "cpu",
    progress: Progress | None = None,
) -> Quantized:
    """Quantize a float model after training, from samples without labels.

    >>> quantized = graphopt.quantize("model.onnx", "samples.npz")
    >>> quantized.save("quantized")  # model.onnx for other runtimes, and plan.json
    >>> model = quantized.compile()

    Args:
        model: a path, the bytes of a file, a ModelProto, or a float graph.
        data: samples of the inputs: a .npz or .npy file, a folder of such, or an iterable; see
            `Samples`. None: none, with a plan; biases are then not corrected, and
            weights are rounded to nearest.
        weights, activations: bits; of weights 2, 4, 8 or 16, of activations 4, 8 or 16.
        formats: other formats for layers by name, such as "w4a8", or "f32" for a layer that is
            to stay float.
        plan: take the quantizers of activations and the formats of layers from this plan.
        budget: choose a format for each layer that `formats` does not name, so that the network
            loses least within these limits: numbers, or shares like "62%" of 8 bits everywhere,
            for "weight_bytes", "bops", "latency" (seconds) and "activation_bytes" (the peak), and
            how many "formats" may be in use.
        choices: the formats to choose from.
        sensitivity: how the loss of a format is predicted: "output", "hawq" or "gauss-newton".
        compare: with a budget, also measure how well each sensitivity predicts.
        metric: with a budget, the number to lose least of: from the outputs for each sample, and
            `labels`, one per sample; higher is better. None: the distance from the float
            network's outputs counts.
        ranges: how the range of an activation follows from the samples: "minmax",
            "percentile", "mse" or "entropy".
        weight_ranges: how the scale of a channel's weights is chosen: "minmax" or "mse".
        rounding: of weights of 4 bits and less: "nearest", or "learned" for each layer from what
            it reads over the samples.
        symmetric: let the zero points of activations be 0.
        quantize_outputs: quantize the outputs of the model too.
        correct_biases: let biases make up for the mean error of rounded weights.
        floor: without a budget, an activation or layer of 8 bits that alone leaves the outputs
            with less signal to noise than this, in dB, gets 16 bits; None: all keep theirs.
        equalize: without a plan, even out the channels between convolutions, where that helps.
        limit: use at most this many samples.
        shapes: whole shapes by input name, for inputs with symbolic dimensions.
        target: what calibration runs on.
        progress: called with one line on each step before it starts.

    Raises:
        OptionError: bits, a format, a method or the name of a layer is none that exists.
        InputError: there are no samples, or one does not fit the model.
        CalibrationError: an activation is NaN or infinite.
        PlanError: `plan` does not fit the model.
        BudgetError: the budget cannot be met.
    """
    graph = compile(model, target, shapes, stop_after="canonical", progress=progress)
    if plan is not None and plan.equalized:
        graph = run_passes(graph, ["equalize-channels"], Instruments.from_environment())
    if plan is not None and data is None:
        return Quantized(insert(graph, plan), plan, graph)
    check_bits(weights, activations)
    settings = Settings(
        weights,
        activations,
        formats or {},
        ranges,
        weight_ranges,
        rounding,
        symmetric,
        quantize_outputs,
        correct_biases,
        floor,
        equalize,
    )
    if data is None:
        raise InputError("samples", "expected some, found none", "only a plan goes without")
    samples = Samples(graph.inputs, data, limit)
    source = graph
    if equalize and plan is None:
        graph = equalized(graph, samples, settings, target, progress)
    request = Request(budget or {}, choices, formats or {}, sensitivity, metric, labels, compare)
    quantization = Quantization(
        graph, samples, settings, request if budget is not None else None, target, progress
    )
    if plan is not None:
        return quantization.applied(quantization.calibrate(), plan)
    result = quantization.run()
    return replace(result, plan=replace(result.plan, equalized=graph is not source))


def equalized(
    graph: Graph, samples: Samples, settings: Settings, target: str, progress: Progress | None
) -> Graph:
    """The graph with evened channels, where its outputs then bear quantization better."""
    even = run_passes(graph, ["equalize-channels"], Instruments.from_environment())
    if even is graph:
        return graph
    if progress is not None:
        progress("equalize channels")
    quick = replace(settings, rounding="nearest")
    before, after = (
        Quantization(each, samples, quick, target=target).fidelity() for each in (graph, even)
    )
    if progress is not None:
        progress(f"with even channels {after:.1f} dB, without {before:.1f} dB")
    return even if after > before else graph


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
    """A canonical float graph with the quantizers of a plan; see `InsertQuantizers`."""
    inserting = InsertQuantizers(plan, weights or {}, biases or {})
    return run_passes(graph, [inserting], Instruments.from_environment())


def check_bits(weights: int, activations: int) -> None:
    """Raises OptionError unless there are formats of that many bits."""
    for what, bits, known in (
        ("weights", weights, WEIGHTS),
        ("activations", activations, ACTIVATIONS),
    ):
        if bits not in known:
            raise OptionError(what, f"bits: expected one of {sorted(known)}, found {bits}")


def _dtypes(group: QuantizerGroup, wanted: Mapping[str, set[DType]], default: DType) -> list[DType]:
    """What all but layers read first, then what layers ask for."""
    default = WIDE if group.wide else default
    asked = set().union(*(wanted.get(value.name, set()) for value in group.values))
    return [default, *sorted(asked - {default})]
