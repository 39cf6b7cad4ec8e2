"""Sensitivities from second-order theory: the network's Hessian, and each layer's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from graphopt.ir import Array, Graph, Location, Node, Op, Value
from graphopt.ops import Mul, Reduce, Sub
from graphopt.progress import Progress, say
from graphopt.quantization.evaluate import Change, Evaluator
from graphopt.quantization.layers import Layer
from graphopt.quantization.loss import Loss
from graphopt.quantization.sensitivity import Losses, Trials

PROBES = 8
# Of the weights' root mean square: far above f32's resolution, and the loss is still quadratic.
STEP = 1e-2


def hawq(trials: Trials, loss: Loss | None = None, progress: Progress | None = None) -> Losses:
    """The mean Hessian trace times the squared weight error: tr(H) / n * |Q(W) - W|^2.

    As in HAWQ-V2 (Dong et al. 2020, arXiv 1911.03852), for n weights W of a layer, but without
    gradients: the loss L, the distance from the network's own outputs, is 0 at W and so is its
    gradient. So v'Hv = 2 L(W + h v) / h^2, to second order, and its mean over vectors v of
    random signs is the trace (Hutchinson 1990). A group's loss is the sum over its layers.

    `loss` is not asked: it is the output loss that has these properties.
    """
    generator = np.random.default_rng(0)
    traces: dict[str, float] = {}
    for layer in trials.layers:
        say(progress, f"Hessian trace of {layer}")
        traces[layer] = _mean_trace(trials, layer, generator)

    def predicted(layer: str, change: Change) -> float:
        error = np.subtract(change.weights, trials.evaluator.weights(layer), dtype=np.float64)
        return traces[layer] * float(np.sum(np.square(error)))

    return {
        (group, format): sum(
            predicted(layer, change)
            for layer, change in trials.options.changes({group: format}).items()
        )
        for group, format in trials.options.keys
    }


def _mean_trace(trials: Trials, layer: str, generator: np.random.Generator) -> float:
    weights = trials.evaluator.weights(layer)
    step = STEP * math.sqrt(float(np.mean(np.square(weights, dtype=np.float64))))
    if step == 0:
        return 0.0
    products: list[float] = []
    for _ in range(PROBES):
        signs = generator.integers(0, 2, weights.shape).astype(np.float32) * 2 - 1
        probe = Change(weights + np.float32(step) * signs)
        products.append(2 * trials.measure({layer: probe}) / step**2)
    return float(np.mean(products)) / weights.size


def gauss_newton(
    trials: Trials, loss: Loss | None = None, progress: Progress | None = None
) -> Losses:
    """The error of each layer's own output by its signal: E|dW x|^2 / E|W x + b|^2.

    The squared error of a layer's output has the Hessian 2 E[x x'] in the weights, the exact
    Gauss-Newton matrix of this loss, and E|dW x|^2 = dW' E[x x'] dW is its quadratic form in the
    weight error dW = Q(W) - W: no trace, diagonal or other approximation of it. Where a format
    rounds x, that error is in it as well. A group's loss is the sum over its layers.

    Each layer is computed once more beside itself, with other weights but on the float
    network's activations, so one run gives the errors of all layers in their formats.
    """
    graph, twins = _with_twins(trials.graph, trials.layers)
    evaluator = Evaluator(graph, twins, trials.options.rounding, trials.target)
    losses: Losses = {}
    for format in dict.fromkeys(format for _, format in trials.options.keys):
        say(progress, f"layer errors in {format}")
        groups = [g for g in trials.options.layers if format in trials.options.formats[g]]
        changes = trials.options.changes(dict.fromkeys(groups, format))
        with evaluator.changed(changes):
            found = np.sum([outputs for outputs in evaluator.run(trials.samples)], axis=0)
        errors = dict(zip(twins, found.reshape(-1, 2), strict=True))
        for group in groups:
            losses[group, format] = sum(
                map(_ratio, (errors[n] for n in trials.options.layers[group]))
            )
    return losses


def _ratio(pair: Array) -> float:
    error, signal = map(float, pair)
    return error / signal if signal > 0 else error


def _with_twins(graph: Graph, layers: Mapping[str, Layer]) -> tuple[Graph, dict[str, Layer]]:
    """A second copy of each layer. Outputs: per layer the mean square of the difference between
    the two, and that of the layer's output.
    """
    ends = {layer.output: layer for layer in layers.values()}
    nodes: list[Node] = []
    twins: dict[str, Layer] = {}
    outputs: list[Value] = []

    def emit(name: str, op: Op, *inputs: Value) -> Value:
        (type_,) = op.infer(*(v.type for v in inputs))
        nodes.append(Node(op, inputs, (Value(name, type_),), Location()))
        return nodes[-1].output

    def mean_square(name: str, x: Value) -> Value:
        square = emit(f"{name}@square", Mul(), x, x)
        return emit(f"{name}@mean", Reduce("mean", tuple(range(x.type.rank))), square)

    for node in graph.nodes:
        nodes.append(node)
        if node.outputs[0] in ends:
            layer = ends[node.output]
            twins[layer.name] = twin = _twin(layer)
            nodes += [each for each in (twin.node, twin.bias_node) if each is not None]
            error = emit(f"{layer.name}@error", Sub(), twin.output, layer.output)
            outputs.append(mean_square(f"{layer.name}@error", error))
            outputs.append(mean_square(layer.name, layer.output))
    result = replace(
        graph,
        nodes=tuple(nodes),
        outputs=tuple(outputs),
        output_names=tuple(f"output{i}" for i in range(len(outputs))),
    )
    return result, twins


def _twin(layer: Layer) -> Layer:
    def again(node: Node, new: Mapping[Value, Value]) -> Node:
        output = Value(f"{node.output.name}@twin", node.output.type)
        return replace(node, inputs=tuple(new.get(v, v) for v in node.inputs), outputs=(output,))

    node = again(layer.node, {})
    if layer.bias_node is None:
        return replace(layer, node=node)
    return replace(
        layer, node=node, bias_node=again(layer.bias_node, {layer.node.output: node.output})
    )
