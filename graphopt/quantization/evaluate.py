"""Run one network many times with other weights and quantizers, compiling it once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from graphopt.errors import InputError
from graphopt.instruments import Instruments
from graphopt.ir import Array, Graph, Node, Op, TensorType, Value
from graphopt.lower.build import build
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.ops import Div, Max, Min, Mul, Round, Where
from graphopt.pipeline import run_pipeline
from graphopt.quantization.layers import Layer
from graphopt.quantization.samples import Sample
from graphopt.runtime.model import Model
from graphopt.targets import load_cpu

Outputs = tuple[Array, ...]


@dataclass(frozen=True)
class Rounding:
    """How an activation is rounded: scale * clip(round(x / scale), low, high).

    With a zero point z and stored integers from l to h, `low` is l - z and `high` is h - z. Arrays
    that broadcast to the activation round its parts differently.
    """

    scale: float | Array
    low: float | Array
    high: float | Array


@dataclass(frozen=True)
class Change:
    """What a layer computes with instead.

    Attributes:
        weights: f32, of the shape of the layer's own.
        bias: one f32 number per output channel; None keeps the layer's own.
        input: how its input is rounded; None keeps it exact.
    """

    weights: Array
    bias: Array | None = None
    input: Rounding | None = None


class Evaluator:
    """A canonical float graph as compiled code whose weights and roundings can be exchanged.

    Args:
        graph: the float network, at the end of the "canonical" phase.
        layers: those of `graph` whose constants can be exchanged, each apart from the others even
            where the graph shares one constant between several of them.
        rounding: whether the inputs of the layers can be rounded; this costs time where it is not
            used. Each layer rounds for itself: other nodes that read the same value do not notice.
        parts: by layer, the shape of its `Rounding`s' arrays; the others take numbers only.
        workers: how many samples run at the same time, each on one thread.
    """

    def __init__(
        self,
        graph: Graph,
        layers: Mapping[str, Layer],
        rounding: bool = False,
        target: str = "cpu",
        workers: int = 2,
        parts: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        graph, self._constants, self._roundings = _open(graph, layers, rounding, parts or {})
        self._original = {
            value: graph.constants[value]
            for values in (*self._constants.values(), *self._roundings.values())
            for value in values
        }
        fused = _fuse(graph, tuple(self._original))
        program = lower_program(fused, load_cpu(target), exchangeable=tuple(self._original))
        self._places = program.places
        self._model = Model(package(program, build(program)))
        self._workers = ThreadPoolExecutor(workers)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers."""
        return tuple(self._constants)

    def weights(self, layer: str) -> Array:
        """The float weights that a layer came with.

        Raises:
            InputError: no such layer.
        """
        return self._original[self._own(layer)[0]]

    def run(self, samples: Iterable[Sample]) -> list[Outputs]:
        """The outputs for each sample, in the order of the graph's outputs."""
        return list(self._workers.map(lambda s: tuple(self._model.run(s).values()), samples))

    def set(self, layer: str, weights: Array, bias: Array | None = None) -> None:
        """Let a layer compute with other weights, and with another bias if one is given.

        Raises:
            InputError: no such layer, an array of another shape, or a bias for a layer that has
                none.
        """
        own = self._own(layer)
        given = [weights] if bias is None else [weights, bias]
        if len(given) > len(own):
            raise InputError(f"layer {layer}", "bias: expected none, for the layer has none")
        for value, array in zip(own, given, strict=False):
            self._write(value, array)

    def round_input(self, layer: str, rounding: Rounding | None) -> None:
        """Round what a layer reads; None: let it read the exact numbers again.

        Raises:
            InputError: no such layer, the evaluator was made without `rounding`, or for other
                parts, or a scale that is not a positive number.
        """
        self._own(layer)
        if not self._roundings:
            raise InputError(f"layer {layer}", "expected an evaluator made with rounding")
        enabled = rounding is not None
        rounding = rounding or Rounding(1.0, 0, 0)
        scale = np.asarray(rounding.scale)
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise InputError(f"layer {layer}", f"scale: expected above 0, found {rounding.scale}")
        given = (enabled, rounding.scale, rounding.low, rounding.high)
        for value, numbers in zip(self._roundings[layer], given, strict=True):
            array = np.asarray(numbers, value.type.dtype.numpy)
            if array.ndim == 0:
                array = np.full(value.type.dims, array)
            self._write(value, array)

    def reset(self, layer: str) -> None:
        """Let a layer compute what it came with.

        Raises:
            InputError: no such layer.
        """
        for value in (*self._own(layer), *self._roundings.get(layer, ())):
            self._write(value, self._original[value])

    @contextmanager
    def changed(self, changes: Mapping[str, Change]) -> Iterator[None]:
        """Changes of layers by name, for as long as the context lasts; then they are reset."""
        try:
            for layer, change in changes.items():
                self.set(layer, change.weights, change.bias)
                if change.input is not None:
                    self.round_input(layer, change.input)
            yield
        finally:
            for layer in changes:
                self.reset(layer)

    def _own(self, layer: str) -> tuple[Value, ...]:
        if layer not in self._constants:
            raise InputError(f"layer {layer}", f"expected one of {', '.join(self._constants)}")
        return self._constants[layer]

    def _write(self, value: Value, array: Array) -> None:
        if array.shape != value.type.shape or array.dtype != value.type.dtype.numpy:
            raise InputError(
                f"%{value.name}", f"expected {value.type}, found {TensorType.of(array)}"
            )
        for place in self._places[value]:
            place.write(self._model.artifact.weights, array)


Owned = dict[str, tuple[Value, ...]]


def _open(
    graph: Graph,
    layers: Mapping[str, Layer],
    rounding: bool,
    parts: Mapping[str, tuple[int, ...]],
) -> tuple[Graph, Owned, Owned]:
    """Give each layer constants of its own and, with `rounding`, steps that round its input.

    Returns:
        The graph, and by layer its weights and bias, and the parameters of its rounding: whether
        it is on, scale, low, high.
    """
    by_node = {layer.node: layer for layer in layers.values()}
    by_bias = {layer.bias_node: layer for layer in layers.values()}
    constants = dict(graph.constants)
    owned: Owned = {}
    parameters: Owned = {}
    nodes: list[Node] = []

    def new(name: str, array: Array) -> Value:
        value = Value(name, TensorType.of(array))
        constants[value] = array
        return value

    for node in graph.nodes:
        inputs = {v: v for v in node.inputs}
        if node in by_node:
            layer = by_node[node]
            x, name = node.inputs[0], layer.name
            inputs[layer.weights] = new(f"{name}@weights", graph.constants[layer.weights])
            owned[name] = (inputs[layer.weights],)
            if rounding:
                shape = parts.get(name, ())
                off = np.array(False), *(np.full(shape, n, np.float32) for n in (1, 0, 0))
                parameters[name] = tuple(new(f"{name}@rounding{i}", a) for i, a in enumerate(off))
                nodes += rounding_steps(name, x, *parameters[name])
                inputs[x] = nodes[-1].output
        biased = by_bias.get(node) or by_node.get(node)
        if biased is not None and biased.bias in inputs:
            bias = np.resize(graph.constants[biased.bias], biased.channels)
            inputs[biased.bias] = new(f"{biased.name}@bias", bias)
            owned[biased.name] += (inputs[biased.bias],)
        nodes.append(replace(node, inputs=tuple(inputs[v] for v in node.inputs)))
    return replace(graph, constants=constants).with_nodes(nodes), owned, parameters


def rounding_steps(
    name: str, x: Value, enabled: Value, scale: Value, low: Value, high: Value
) -> list[Node]:
    """Nodes of which the last computes x rounded if `enabled`, else x; see `Rounding`."""
    nodes: list[Node] = []

    def emit(op: Op, *inputs: Value) -> Value:
        (type_,) = op.infer(*(v.type for v in inputs))
        output = Value(f"{x.name}@{name}.{op.name}", type_)
        nodes.append(Node(op, inputs, (output,)))
        return output

    stored = emit(Min(), emit(Max(), emit(Round(), emit(Div(), x, scale)), low), high)
    emit(Where(), enabled, emit(Mul(), stored, scale), x)
    return nodes


def _fuse(graph: Graph, exchangeable: Sequence[Value]) -> Graph:
    """The fused graph; inputs for the time being, `exchangeable` are not computed with."""
    constants = {v: a for v, a in graph.constants.items() if v not in set(exchangeable)}
    opened = replace(graph, inputs=(*graph.inputs, *exchangeable), constants=constants)
    fused = run_pipeline(opened, Instruments.from_environment(), "fused", "canonical")
    closed = {**fused.constants, **{v: graph.constants[v] for v in exchangeable}}
    return replace(fused, inputs=graph.inputs, constants=closed)
