"""From a float model and samples to a quantized graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphopt.api import Shapes, compile
from graphopt.errors import InputError
from graphopt.instruments import Instruments
from graphopt.ir import Graph
from graphopt.pipeline import run_passes
from graphopt.progress import Progress, say
from graphopt.quantization.budget import Budget
from graphopt.quantization.choices import Request
from graphopt.quantization.loss import Metric
from graphopt.quantization.patches.bits import ValueBits
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.procedure import Quantization, insert
from graphopt.quantization.ranges import RangeMethod
from graphopt.quantization.result import Quantized
from graphopt.quantization.samples import Data, Samples
from graphopt.quantization.settings import Settings, check_bits
from graphopt.quantization.weights import (
    RoundingMethod,
    WeightMethod,
)

# The formats that patches add to the choices.
PATCHED = ("w8ap", "w4ap")

if TYPE_CHECKING:
    from onnx import ModelProto


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
    patches: str | None = None,
    values: ValueBits | None = None,
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
        weights, activations: bits; 2, 4, 8 or 16.
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
        correct_biases: let biases make up for the mean error of rounded weights, where that helps.
        floor: without a budget, an activation or layer of 8 bits that alone leaves the outputs
            with less signal to noise than this, in dB, gets 16 bits; None: all keep theirs.
        equalize: without a plan, even out the channels between convolutions, where that helps.
        patches: compute the first part of the network, the head, in patches: a grid like "4x4", or
            "4x4@MAP" for a head up to MAP; see `find_head`. With a budget, the formats "w8ap" and
            "w4ap" are then among the choices: patches of what a layer of the head reads have bits
            by the values in them (QuantMCU).
        values: how these bits follow from the values: phi, lambda and the bits to choose from.
        limit: use at most this many samples.
        shapes: whole shapes by input name, for inputs with symbolic dimensions.
        target: the CPU that calibration runs on.
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
        patches,
        values or ValueBits(),
    )
    if data is None:
        raise InputError("samples", "expected some, found none", "only a plan goes without")
    samples = Samples(graph.inputs, data, limit)
    source = graph
    if equalize and plan is None:
        graph = equalized(graph, samples, settings, target, progress)
    if correct_biases and plan is None:
        settings = with_helpful_biases(graph, samples, settings, target, progress)
    if patches is not None:
        choices = (*choices, *(name for name in PATCHED if name not in choices))
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
    say(progress, "equalize channels")
    quick = replace(settings, rounding="nearest")
    before, after = (
        Quantization(each, samples, quick, target=target).fidelity() for each in (graph, even)
    )
    say(progress, f"with even channels {after:.1f} dB, without {before:.1f} dB")
    return even if after > before else graph


def with_helpful_biases(
    graph: Graph, samples: Samples, settings: Settings, target: str, progress: Progress | None
) -> Settings:
    """The settings, but with the biases as they are where correcting them brings no gain."""
    say(progress, "correct biases")
    quick = replace(settings, rounding="nearest")
    corrected, plain = (
        Quantization(graph, samples, replace(quick, correct_biases=each), target=target).fidelity()
        for each in (True, False)
    )
    say(progress, f"with corrected biases {corrected:.1f} dB, without {plain:.1f} dB")
    return replace(settings, correct_biases=corrected > plain)
