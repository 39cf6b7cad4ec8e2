"""Run one network many times with other weights and quantizers, compiling it once."""

from __future__ import annotations

import math
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
from graphopt.runtime.model import Model
from graphopt.targets import load_target

Sample = Mapping[str, Array]
Outputs = tuple[Array, ...]


@dataclass(frozen=True)
class Rounding:
    """How an activation is rounded: scale * clip(round(x / scale), low, high).

    With a zero point z and stored integers from l to h, `low` is l - z and `high` is h - z.
    """

    scale: float
    low: int
    high: int


class Evaluator:
    """A canonical float graph as compiled code whose weights and roundings can be exchanged.

    Args:
        graph: the float network, at the end of the "canonical" phase.
        layers: nodes of `graph` by name. Their constant inputs can be exchanged, each apart from
            the others even where the graph shares one constant between several nodes.
        activations: f32 values of `graph` that can be rounded; they start out exact. All nodes
            that read such a value then read it rounded; outputs of the graph stay exact.
        workers: how many samples run at the same time, each on one thread.
    """

    def __init__(
        self,
        graph: Graph,
        layers: Mapping[str, Node],
        activations: Sequence[Value] = (),
        target: str = "cpu",
        workers: int = 2,
    ) -> None:
        own, self._operands = _separate(graph, layers)
        rounded, self._roundings = _round(own, activations)
        self._original = {
            value: rounded.constants[value]
            for values in (*self._operands.values(), *self._roundings.values())
            for value in values
        }
        fused = _fuse(rounded, tuple(self._original))
        program = lower_program(fused, load_target(target), exchangeable=tuple(self._original))
        self._places = program.places
        self._model = Model(package(program, build(program)))
        self._workers = ThreadPoolExecutor(workers)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers whose weights can be exchanged."""
        return tuple(self._operands)

    @property
    def activations(self) -> tuple[str, ...]:
        """The names of the values that can be rounded."""
        return tuple(self._roundings)

    def weights(self, layer: str) -> Array:
        """The float weights that a layer came with."""
        return self._original[self._operands[layer][0]]

    def run(self, samples: Iterable[Sample]) -> list[Outputs]:
        """The outputs for each sample, in the order of the graph's outputs."""
        return list(self._workers.map(lambda s: tuple(self._model.run(s).values()), samples))

    def set(self, layer: str, weights: Array, bias: Array | None = None) -> None:
        """Let a layer compute with other weights, and with another bias if one is given.

        Raises:
            InputError: no such layer, an array of another shape, or a bias for a layer that has
                no constant bias.
        """
        operands = self._operands[self._known(layer, self._operands)]
        given = [weights] if bias is None else [weights, bias]
        if len(given) > len(operands):
            raise InputError(f"layer {layer}", "bias: expected none, for the layer has none")
        for value, array in zip(operands, given, strict=False):
            self._write(value, array)

    def reset(self, layer: str) -> None:
        """Give a layer back the constants that it came with."""
        for value in self._operands[self._known(layer, self._operands)]:
            self._write(value, self._original[value])

    @contextmanager
    def changed(self, weights: Mapping[str, Array]) -> Iterator[None]:
        """Other weights for some layers, for as long as the context lasts."""
        try:
            for layer, array in weights.items():
                self.set(layer, array)
            yield
        finally:
            for layer in weights:
                self.reset(layer)

    def round(self, activation: str, rounding: Rounding | None) -> None:
        """Round an activation from now on; None: keep it exact again.

        Raises:
            InputError: no such activation, or a scale that is not a positive number.
        """
        values = self._roundings[self._known(activation, self._roundings)]
        enabled = rounding is not None
        rounding = rounding or Rounding(1.0, 0, 0)
        if not (math.isfinite(rounding.scale) and rounding.scale > 0):
            raise InputError(
                f"activation {activation}", f"scale: expected above 0, found {rounding.scale}"
            )
        given = (enabled, rounding.scale, rounding.low, rounding.high)
        for value, number in zip(values, given, strict=True):
            self._write(value, np.array(number, value.type.dtype.numpy))

    def _write(self, value: Value, array: Array) -> None:
        if array.shape != value.type.shape or array.dtype != value.type.dtype.numpy:
            raise InputError(
                f"%{value.name}", f"expected {value.type}, found {TensorType.of(array)}"
            )
        for place in self._places[value]:
            place.write(self._model.artifact.weights, array)

    @staticmethod
    def _known(name: str, names: Iterable[str]) -> str:
        if name not in names:
            raise InputError(name, f"expected one of {', '.join(names)}")
        return name


def _separate(
    graph: Graph, layers: Mapping[str, Node]
) -> tuple[Graph, dict[str, tuple[Value, ...]]]:
    """Give each layer constants of its own; returns them by layer, weights first."""
    names = {node: name for name, node in layers.items()}
    constants = dict(graph.constants)
    operands: dict[str, tuple[Value, ...]] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node in names:
            own = {
                v: Value(f"{v.name}@{names[node]}", v.type)
                for v in node.inputs[1:]
                if v in graph.constants
            }
            constants |= {new: graph.constants[old] for old, new in own.items()}
            operands[names[node]] = tuple(own.values())
            node = replace(node, inputs=tuple(own.get(v, v) for v in node.inputs))
        nodes.append(node)
    return replace(graph, constants=constants).with_nodes(nodes), operands


def _round(
    graph: Graph, activations: Sequence[Value]
) -> tuple[Graph, dict[str, tuple[Value, ...]]]:
    """Insert a rounding after each activation; returns their constants: on, scale, low, high."""
    constants = dict(graph.constants)
    parameters: dict[str, tuple[Value, ...]] = {}
    results: dict[Value, Value] = {}
    steps: dict[Value, list[Node]] = {}
    for x in activations:
        values: list[Value] = []
        for name, number in (("rounded", False), ("scale", 1.0), ("low", 0.0), ("high", 0.0)):
            array: Array = np.array(number, np.bool_ if name == "rounded" else np.float32)
            values.append(Value(f"{x.name}@{name}", TensorType.of(array)))
            constants[values[-1]] = array
        parameters[x.name] = tuple(values)
        steps[x] = _steps(x, *values)
        results[x] = steps[x][-1].output
    nodes = [node for x in graph.inputs for node in steps.get(x, ())]
    for node in graph.nodes:
        nodes.append(replace(node, inputs=tuple(results.get(v, v) for v in node.inputs)))
        nodes += [step for x in node.outputs for step in steps.get(x, ())]
    return replace(graph, nodes=tuple(nodes), constants=constants), parameters


def _steps(x: Value, enabled: Value, scale: Value, low: Value, high: Value) -> list[Node]:
    nodes: list[Node] = []

    def emit(op: Op, *inputs: Value) -> Value:
        (type_,) = op.infer(*(v.type for v in inputs))
        output = Value(f"{x.name}@{op.name}", type_)
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
