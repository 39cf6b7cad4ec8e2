"""Put quantize and dequantize around what a plan says is to be computed in integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphopt.ir import Array, DType, Graph, Location, Node, Op, TensorType, Value
from graphopt.ops import Cast, Dequantize, Quantize
from graphopt.quantization.bias import own_bias
from graphopt.quantization.groups import Placement, find_placement
from graphopt.quantization.layers import Layer, find_layers
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Quantizer
from graphopt.quantization.roles import Role
from graphopt.quantization.weights import (
    QuantizedWeights,
    fit_bias,
    narrow_weights,
    quantize_bias,
    quantize_constant,
    quantize_weights,
)
from graphopt.rewrite import Pass


@dataclass(frozen=True)
class InsertQuantizers(Pass):
    """conv(x, w, b) becomes conv(dequantize(quantize(x)), dequantize(W), dequantize(B)).

    W and B are constant integers; B is i32 on the scale of the sums of products, so that the
    integer form is exact. The same happens to everything between layers, as
    `graphopt.quantization.groups` says. Without a quantizer in the plan nothing changes.

    Attributes:
        plan: quantizers of the activations, and the formats of the layers.
        weights: integers for layers by name, in place of those that the plan's method gives.
        biases: f32 biases for layers by name, in place of the graph's.
    """

    name = "insert-quantizers"

    plan: QuantizationPlan = field(default_factory=QuantizationPlan)
    weights: Mapping[str, QuantizedWeights] = field(default_factory=dict[str, QuantizedWeights])
    biases: Mapping[str, Array] = field(default_factory=dict[str, Array])

    def run(self, graph: Graph) -> Graph:
        """The graph with quantizers.

        Raises:
            PlanError: the plan has no quantizer for an activation that needs one, or names a
                layer that the graph does not have.
        """
        if not self.plan.activations:
            return graph
        return _Insertion(graph, self).run()


def planned_placement(graph: Graph, plan: QuantizationPlan) -> Placement:
    """Where a plan puts quantizers.

    Raises:
        PlanError: the plan does not give each layer a format.
    """
    layers = find_layers(graph)
    formats = plan.layer_formats(layers)
    float_nodes = [layer.node for name, layer in layers.items() if not formats[name].is_integer]
    names = set(plan.float_activations)
    float_values = [value for value in graph.values() if value.name in names]
    return find_placement(graph, float_nodes, float_values, plan.quantize_outputs)


class _Insertion:
    """One graph on its way to quantize and dequantize."""

    def __init__(self, graph: Graph, options: InsertQuantizers) -> None:
        self._graph = graph
        self._options = options
        self._plan = options.plan
        self._layers = find_layers(graph)
        self._formats = self._plan.layer_formats(self._layers)
        self._placement = planned_placement(graph, self._plan)
        self._groups = {v: group for group in self._placement.groups for v in group.values}
        self._constants = dict(graph.constants)
        self._nodes: list[Node] = []
        self._quantized: dict[tuple[Value, DType], Value] = {}
        self._parameters: dict[Quantizer, tuple[Value, Value]] = {}

    def run(self) -> Graph:
        layers = {layer.node: layer for layer in self._layers.values()}
        biases = {
            layer.bias_node: layer
            for layer in self._layers.values()
            if layer.bias_node is not None and self._formats[layer.name].is_integer
        }
        scales: dict[str, Array] = {}
        for node in self._graph.nodes:
            layer = layers.get(node)
            if layer is not None and self._formats[layer.name].is_integer:
                node, scales[layer.name] = self._integer_layer(layer)
            elif layer is not None:
                node = self._float_layer(layer)
            elif node in biases:
                bias = self._bias(biases[node], scales[biases[node].name])
                x = biases[node].node.output
                node = replace(node, inputs=tuple(v if v is x else bias for v in node.inputs))
            else:
                node = replace(node, inputs=self._operands(node))
            self._nodes.append(node)
        outputs = tuple(self._read(v, Location()) for v in self._graph.outputs)
        graph = replace(self._graph, constants=self._constants, outputs=outputs)
        return graph.with_nodes(self._nodes)

    def _read(self, value: Value, location: Location, dtype: DType | None = None) -> Value:
        """What a node reads in place of `value`: rounded if it is quantized."""
        group = self._groups.get(value)
        if group is None:
            return value
        chosen = self._plan.quantizer(group.name, dtype)
        key = value, chosen.dtype
        if key not in self._quantized:
            stored = self._emit(Quantize(), location, value, *self._parameter(chosen))
            real = self._emit(Dequantize(), location, stored, *self._parameter(chosen))
            self._quantized[key] = real
        return self._quantized[key]

    def _operands(self, node: Node) -> tuple[Value, ...]:
        """The inputs of a node that is no layer, rounded where they are quantized."""
        integer = self._placement.roles.get(node)
        wanted = integer in (Role.SUM, Role.KERNEL) and node not in self._placement.joined
        return tuple(
            self._constant(v, node, DType.I8 if integer is Role.KERNEL else DType.I16)
            if wanted and v in self._graph.constants
            else self._read(v, node.location)
            for v in node.inputs
        )

    def _constant(self, value: Value, node: Node, dtype: DType) -> Value:
        stored = quantize_constant(self._graph.constants[value], dtype)
        return self._stored(value.name, stored, node.location, None)

    def _integer_layer(self, layer: Layer) -> tuple[Node, Array]:
        """The node of a layer on integers, and the scale of the sums of each output channel."""
        chosen, location = self._formats[layer.name], layer.node.location
        x = self._read(layer.node.inputs[0], location, chosen.activations)
        group = self._groups[layer.node.inputs[0]].name
        input_scale = self._plan.quantizer(group, chosen.activations).scale
        weights = self._options.weights.get(layer.name) or quantize_weights(
            self._graph.constants[layer.weights],
            layer.axis,
            chosen.weights,
            self._plan.weight_ranges,
        )
        if layer.bias is not None:
            weights = fit_bias(weights, self._float_bias(layer), layer.groups, input_scale)
        w = self._stored(layer.weights.name, weights, location, layer.axis)
        scale = np.tile(weights.scales, layer.groups) * np.float32(input_scale)
        bias: tuple[Value, ...] = ()
        if layer.bias is not None and layer.bias_node is None:
            bias = (self._bias(layer, scale),)
        return replace(layer.node, inputs=(x, w, *bias)), scale

    def _float_bias(self, layer: Layer) -> Array:
        if layer.name in self._options.biases:
            return self._options.biases[layer.name]
        return own_bias(self._graph, layer)

    def _bias(self, layer: Layer, scale: Array) -> Value:
        """The bias as i32 multiples of `scale`, dequantized."""
        assert layer.bias is not None
        stored = QuantizedWeights(quantize_bias(self._float_bias(layer), scale), scale, 0)
        return self._stored(layer.bias.name, stored, layer.node.location, 0)

    def _float_layer(self, layer: Layer) -> Node:
        """The node of a layer on floats, rounded to a narrower type if its format is one."""
        chosen, location = self._formats[layer.name], layer.node.location
        if chosen.weights is DType.F32:
            return layer.node
        x, w, *bias = layer.node.inputs
        if chosen.weights.bits == 8:
            narrow = narrow_weights(self._graph.constants[w], layer.axis, chosen.weights)
            w = self._stored(w.name, narrow, location, layer.axis)
        else:
            w = self._through(chosen.weights, w, location)
        x = self._through(chosen.activations, x, location)
        return replace(layer.node, inputs=(x, w, *bias))

    def _through(self, dtype: DType, value: Value, location: Location) -> Value:
        """`value` rounded to a narrower float type."""
        return self._emit(Cast(DType.F32), location, self._emit(Cast(dtype), location, value))

    def _stored(
        self, name: str, stored: QuantizedWeights, location: Location, axis: int | None
    ) -> Value:
        """Constant integers or narrow floats, dequantized."""
        scales = stored.scales if axis is not None else stored.scales.reshape(())
        zeros = np.zeros(scales.shape, stored.stored.dtype)
        inputs = [
            self._emit_constant(f"{name}.{what}", array)
            for what, array in (("stored", stored.stored), ("scale", scales), ("zero", zeros))
        ]
        return self._emit(Dequantize(axis), location, *inputs)

    def _parameter(self, chosen: Quantizer) -> tuple[Value, Value]:
        if chosen not in self._parameters:
            zero_point = np.array(chosen.zero_point).astype(chosen.dtype.numpy)
            self._parameters[chosen] = (
                self._emit_constant("scale", np.array(chosen.scale, np.float32)),
                self._emit_constant("zero_point", zero_point),
            )
        return self._parameters[chosen]

    def _emit(self, op: Op, location: Location, *inputs: Value) -> Value:
        (type_,) = op.infer(*(v.type for v in inputs))
        output = Value(f"{inputs[0].name}.{op.name}d", type_)
        self._nodes.append(Node(op, inputs, (output,), location))
        return output

    def _emit_constant(self, name: str, array: Array) -> Value:
        value = Value(name, TensorType.of(array))
        self._constants[value] = array
        return value
