"""Operators that compute each element of the output from the same element of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Dim, DType, Op, Quant, TensorType


def broadcast_shapes(name: str, *shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape that numpy broadcasting gives.

    Raises:
        TypeRuleError: two sizes differ and neither is 1.
    """
    rank = max((len(s) for s in shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    result: list[Dim] = []
    for dims in zip(*padded, strict=True):
        sizes = set(dims) - {1}
        if len(sizes) > 1:
            raise TypeRuleError(
                name, f"shapes do not broadcast: {' and '.join(str(list(s)) for s in shapes)}"
            )
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


@dataclass(frozen=True)
class Elementwise(Op):
    """Base of all elementwise operators: numpy broadcasting over inputs of one dtype."""

    arity: ClassVar[int] = 1
    result: ClassVar[DType | None] = None  # None: the inputs' dtype

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if len(inputs) != self.arity:
            raise TypeRuleError(self.name, f"inputs: expected {self.arity}, found {len(inputs)}")
        dtypes = {t.dtype for t in inputs}
        if len(dtypes) > 1:
            raise TypeRuleError(
                self.name, f"dtypes: expected one, found {', '.join(t.dtype for t in inputs)}"
            )
        shape = broadcast_shapes(self.name, *(t.shape for t in inputs))
        quant = None
        if any(t.quant is not None for t in inputs):
            quant = self.quant_of(*(_aligned(t, len(shape)) for t in inputs))
        return (TensorType(self.result or inputs[0].dtype, shape, quant),)

    def quant_of(self, *inputs: TensorType) -> Quant:
        """What the result stands for when the inputs are quantized.

        Raises:
            TypeRuleError: the operator has no meaning on these integers.
        """
        raise TypeRuleError(self.name, "not defined over quantized types")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):
            result = self.compute(*inputs)
        dtype = self.result.numpy if self.result else inputs[0].dtype
        return (np.asarray(result).astype(dtype, copy=False),)

    def compute(self, *inputs: Array) -> Any:
        """The function, on arrays."""
        raise TypeRuleError(self.name, "this operator has no reference semantics")


def _aligned(type: TensorType, rank: int) -> TensorType:
    """The type with ones in front of its shape, as broadcasting sees it."""
    more = rank - type.rank
    quant = type.quant
    if quant is not None and quant.axis is not None:
        quant = quant.along(quant.axis + more)
    return TensorType(type.dtype, (1,) * more + type.shape, quant)


def same_quant(name: str, inputs: tuple[TensorType, ...], centered: bool) -> Quant:
    """The one quantization of all inputs.

    Raises:
        TypeRuleError: they differ, or a zero point is not 0 where `centered` asks for that.
    """
    quant = inputs[0].quant
    if quant is None or any(t.quant != quant for t in inputs):
        raise TypeRuleError(name, f"expected one scale, found {' and '.join(map(str, inputs))}")
    if centered and not quant.centered:
        raise TypeRuleError(name, f"zero point: expected 0, found {quant}")
    return quant
