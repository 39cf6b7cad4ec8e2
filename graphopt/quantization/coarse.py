"""Find what 8 bits are too coarse for: one activation or layer at a time, on the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from graphopt.ir import Array, DType, Graph, Node, TensorType, Value
from graphopt.ops.quantization import integer_range
from graphopt.quantization.evaluate import Change, Evaluator, Outputs, rounding_steps
from graphopt.quantization.groups import QuantizerGroup
from graphopt.quantization.layers import find_layers
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.samples import Sample

T = TypeVar("T")
# The parameters of one rounding, as inputs of the graph.
PARAMETERS = {"rounded": DType.BOOL, "scale": DType.F32, "low": DType.F32, "high": DType.F32}


@dataclass(frozen=True)
class Coarse:
    """What loses too much, with the signal-to-noise ratio of the outputs (dB) that it leaves."""

    groups: Mapping[str, float]
    layers: Mapping[str, float]


def find_coarse(
    graph: Graph,
    quantizers: Mapping[QuantizerGroup, Quantizer],
    changes: Mapping[str, Change],
    samples: Sequence[Sample],
    least: float,
    target: str = "cpu",
) -> Coarse:
    """The activations and layers which, quantized alone, leave less than `least` dB.

    Args:
        graph: canonical, in floats.
        quantizers: how each group of activations would be rounded.
        changes: what each layer would compute with.
        least: of the energy of all float outputs by that of their errors, over the samples.
    """
    trial = _Trial(graph, list(quantizers), samples, target)
    groups = _below(
        list(quantizers), lambda some: trial.ratio({g: quantizers[g] for g in some}, {}), least
    )
    layers = _below(
        list(changes), lambda some: trial.ratio({}, {name: changes[name] for name in some}), least
    )
    return Coarse({group.name: ratio for group, ratio in groups.items()}, layers)


def fidelity(
    graph: Graph,
    quantizers: Mapping[QuantizerGroup, Quantizer],
    changes: Mapping[str, Change],
    samples: Sequence[Sample],
    target: str = "cpu",
) -> float:
    """The ratio that is left when all of this is quantized; see `find_coarse`."""
    return _Trial(graph, list(quantizers), samples, target).ratio(quantizers, changes)


def _below(items: list[T], ratio: Callable[[list[T]], float], least: float) -> dict[T, float]:
    """The single items whose ratio is below `least`, by halving.

    Errors of several items add up, so that nothing is coarse among items that pass together.
    """
    if not items or (found := ratio(items)) >= least:
        return {}
    if len(items) == 1:
        return {items[0]: found}
    middle = len(items) // 2
    return _below(items[:middle], ratio, least) | _below(items[middle:], ratio, least)


class _Trial:
    """A network whose activations and layers can be quantized one by one, compiled once."""

    def __init__(
        self,
        graph: Graph,
        groups: Sequence[QuantizerGroup],
        samples: Sequence[Sample],
        target: str,
    ) -> None:
        opened, self._inputs = _with_roundings(graph, groups)
        self._evaluator = Evaluator(opened, find_layers(opened), target=target)
        self._samples = samples
        self._reference = self._run({})

    def ratio(
        self, quantizers: Mapping[QuantizerGroup, Quantizer], changes: Mapping[str, Change]
    ) -> float:
        """Of the outputs' energy by that of their errors, in dB, with these changes."""
        with self._evaluator.changed(changes):
            found = self._run(quantizers)
        signal = noise = 0.0
        for outputs, references in zip(found, self._reference, strict=True):
            for y, r in zip(outputs, references, strict=True):
                if r.dtype.kind == "f":
                    noise += float(np.sum(np.square(y - r, dtype=np.float64)))
                    signal += float(np.sum(np.square(r, dtype=np.float64)))
        return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)))

    def _run(self, quantizers: Mapping[QuantizerGroup, Quantizer]) -> list[Outputs]:
        parameters: dict[str, Array] = {}
        for group, values in self._inputs.items():
            chosen = quantizers.get(group) or Quantizer(DType.I8, 1.0, 0)
            low, high = (end - chosen.zero_point for end in integer_range(chosen.dtype))
            given = (group in quantizers, chosen.scale, low, high)
            for value, number in zip(values, given, strict=True):
                parameters[value.name] = np.array(number, value.type.dtype.numpy)
        return self._evaluator.run([{**sample, **parameters} for sample in self._samples])


def _with_roundings(
    graph: Graph, groups: Sequence[QuantizerGroup]
) -> tuple[Graph, dict[QuantizerGroup, tuple[Value, ...]]]:
    """The graph with a rounding behind each source of a group, and the inputs that set it."""
    inputs = {
        group: tuple(
            Value(f"{what} {number}", TensorType(dtype, ())) for what, dtype in PARAMETERS.items()
        )
        for number, group in enumerate(groups)
    }
    owners = {value: group for group in groups for value in group.sources}
    renamed: dict[Value, Value] = {}
    nodes: list[Node] = []

    def add(values: Sequence[Value]) -> None:
        for value in values:
            if value in owners:
                nodes.extend(rounding_steps(owners[value].name, value, *inputs[owners[value]]))
                renamed[value] = nodes[-1].output

    add(graph.inputs)
    for node in graph.nodes:
        nodes.append(replace(node, inputs=tuple(renamed.get(v, v) for v in node.inputs)))
        add(node.outputs)
    parameters = [value for values in inputs.values() for value in values]
    return replace(graph, inputs=(*graph.inputs, *parameters), nodes=tuple(nodes)), inputs
