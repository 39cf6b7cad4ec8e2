"""Quantized types become plain integers, and requantization plain integer arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike

from graphopt.ir import Array, DType, Graph, Node, Op, Quant, TensorType, Value
from graphopt.ops import (
    Add,
    Cast,
    Clip,
    Decode,
    Dequantize,
    Encode,
    Max,
    Min,
    Mul,
    Quantize,
    Requantize,
    Rescale,
    Retype,
    ShiftLeft,
    Sub,
)
from graphopt.ops.dyadic import dyadic
from graphopt.ops.quantization import integer_range
from graphopt.ops.quantized import laid_out
from graphopt.rewrite import Pass


class SpellOutQuantization(Pass):
    """requantize(x) becomes clip(rescale(x - zero, multiplier, zero')); other operators stay.

    They mean the same on stored integers, so that from here on kernels need not know of scales.
    """

    name = "spell-out-quantization"

    def run(self, graph: Graph) -> Graph:
        kinds = (Encode, Decode, Requantize, Retype)
        typed = any(value.type.quant is not None for value in graph.values())
        if not typed and not any(isinstance(node.op, kinds) for node in graph.nodes):
            return graph
        return _Speller(graph).run()


class _Speller:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.plain: dict[Value, Value] = {value: value for value in graph.inputs}
        self.nodes: list[Node] = []
        self.constants: dict[Value, Array] = {}
        self.node: Node
        self.names = {value.name for value in graph.values()}
        for value, array in graph.constants.items():
            self.plain[value] = self._named(value.name, value.type.stored)
            self.constants[self.plain[value]] = array

    def run(self) -> Graph:
        for node in self.graph.nodes:
            self.node = node
            inputs = [self.plain[value] for value in node.inputs]
            match node.op:
                case Retype():
                    self.plain[node.output] = inputs[0]
                case Encode() as op:
                    self._finish(Quantize(op.quant.axis), inputs[0], *self._parameters(op))
                case Decode() as op:
                    self._decode(op, inputs[0])
                case Requantize() as op:
                    self._requantize(op, inputs[0])
                case op:
                    outputs = tuple(self._named(v.name, v.type.stored) for v in node.outputs)
                    self.plain.update(zip(node.outputs, outputs, strict=True))
                    self.nodes.append(replace(node, inputs=tuple(inputs), outputs=outputs))
        outputs = tuple(self.plain[value] for value in self.graph.outputs)
        graph = Graph(
            self.graph.name,
            self.graph.inputs,
            (),
            outputs,
            self.constants,
            self.graph.output_names,
        )
        return graph.with_nodes(self.nodes)

    def _parameters(self, op: Encode) -> Iterator[Value]:
        shape = () if op.quant.axis is None else (-1,)
        count = len(op.quant.scales)
        points = np.broadcast_to(np.array(op.quant.zero_points), (count,))
        yield self._constant(np.array(op.quant.scales, np.float32).reshape(shape))
        yield self._constant(points.astype(op.dtype.numpy).reshape(shape))

    def _decode(self, op: Decode, x: Value) -> None:
        quant = op.quant
        if x.type.dtype is not DType.I32 or not quant.centered:
            parameters = self._parameters(Encode(x.type.dtype, quant))
            self._finish(Dequantize(quant.axis), x, *parameters)
            return
        scale = self._laid_out(quant.scales, quant, np.float32)
        self._finish(Mul(), self._emit(Cast(DType.F32), x), scale)

    def _requantize(self, op: Requantize, x: Value) -> None:
        source, target = op.source, op.target
        numbers = _offset_range(x.type, source)
        low, high = integer_range(op.dtype)
        if op.keeps_scale and target.centered and low <= numbers[0] and numbers[1] <= high:
            self.plain[self.node.output] = self._centered(x, source, op.dtype)
            return
        x = self._centered(x, source, DType.I32)
        offset = self._laid_out(target.zero_points, target, np.int32)
        if not op.keeps_scale:
            x = self._rescaled(x, op.factor(x.type.rank), offset, numbers)
        elif not target.centered:
            x = self._emit(Add(), x, offset)
        if op.dtype is not DType.I32:
            x = self._emit(Clip(low, high), x)
        self.plain[self.node.output] = self._cast(x, op.dtype)

    def _centered(self, x: Value, source: Quant, dtype: DType) -> Value:
        x = self._cast(x, dtype)
        if source.centered:
            return x
        return self._emit(Sub(), x, self._laid_out(source.zero_points, source, dtype.numpy))

    def _rescaled(self, x: Value, factor: Array, offset: Value, numbers: tuple[int, int]) -> Value:
        """offset + round(x * factor), for x within `numbers`."""
        law = dyadic(factor)
        if law.shift.any():
            if max(-numbers[0], numbers[1]) > law.reach.min():
                x = self._emit(Min(), x, self._constant(law.reach.astype(np.int32)))
                x = self._emit(Max(), x, self._constant((-law.reach).astype(np.int32)))
            x = self._emit(ShiftLeft(), x, self._constant(law.shift))
        return self._emit(Rescale(), x, self._constant(law.multiplier), offset)

    def _laid_out(self, numbers: tuple[float, ...], quant: Quant, dtype: DTypeLike) -> Value:
        rank = self.node.output.type.rank
        return self._constant(laid_out(numbers, quant, rank).astype(dtype))

    def _cast(self, x: Value, dtype: DType) -> Value:
        return x if x.type.dtype is dtype else self._emit(Cast(dtype), x)

    def _emit(self, op: Op, *inputs: Value) -> Value:
        (type,) = op.infer(*(value.type for value in inputs))
        output = self._named(self._fresh(), type)
        self.nodes.append(Node(op, inputs, (output,), self.node.location))
        return output

    def _finish(self, op: Op, *inputs: Value) -> None:
        self.plain[self.node.output] = self._emit(op, *inputs)

    def _constant(self, array: Array) -> Value:
        array = np.asarray(array)
        value = self._named(self._fresh(), TensorType.of(array))
        self.constants[value] = array
        return value

    def _fresh(self) -> str:
        base, number = self.node.outputs[0].name, 0
        while (name := f"{base}.{number}") in self.names:
            number += 1
        self.names.add(name)
        return name

    def _named(self, name: str, type: TensorType) -> Value:
        return Value(name, type)


def _offset_range(type: TensorType, quant: Quant) -> tuple[int, int]:
    """What stored numbers of a type can be once their zero point is taken off."""
    low, high = integer_range(type.dtype)
    return low - max(quant.zero_points), high - min(quant.zero_points)
