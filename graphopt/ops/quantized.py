"""Into, between and out of quantized types. All arithmetic on them happens in other operators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, Quant, TensorType
from graphopt.ops.dyadic import dyadic
from graphopt.ops.quantization import integer_range, saturate


def laid_out(numbers: tuple[float, ...], quant: Quant, rank: int) -> Array:
    """Scales or zero points as an array that broadcasts to a tensor of `rank`."""
    array = np.array(numbers)
    if len(numbers) == 1:
        return array.reshape(())
    return array.reshape([-1 if axis == quant.axis else 1 for axis in range(rank)])


@dataclass(frozen=True)
class Encode(Op):
    """f32 to integers that stand for it: saturate(round_half_even(x / scale) + zero point)."""

    name = "encode"

    dtype: DType
    quant: Quant

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if x.dtype is not DType.F32:
            raise TypeRuleError(self.name, f"dtype: expected f32, found {x}")
        return (TensorType(self.dtype, x.shape, self.quant),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        scale = laid_out(self.quant.scales, self.quant, x.ndim).astype(np.float32)
        zero = laid_out(self.quant.zero_points, self.quant, x.ndim).astype(self.dtype.numpy)
        return (saturate(x / scale, zero),)


@dataclass(frozen=True)
class Decode(Op):
    """What integers stand for, in f32: scale * (x - zero point). Its input has type `quant`."""

    name = "decode"
    quantized = True

    quant: Quant

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        _check_source(self.name, x, self.quant)
        return (TensorType(DType.F32, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        zero = laid_out(self.quant.zero_points, self.quant, x.ndim).astype(np.int64)
        scale = laid_out(self.quant.scales, self.quant, x.ndim).astype(np.float32)
        return (np.asarray((x.astype(np.int64) - zero).astype(np.float32) * scale),)


@dataclass(frozen=True)
class Requantize(Op):
    """The same real numbers on another grid, saturated; the arithmetic is that of `dyadic`.

    Scales that are equal move the zero point only, without rounding.

    Attributes:
        source: what the input stands for.
        dtype, target: element type and quantization of the result.
    """

    name = "requantize"
    quantized = True

    source: Quant
    dtype: DType
    target: Quant

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        _check_source(self.name, x, self.source)
        return (TensorType(self.dtype, x.shape, self.target),)

    @property
    def keeps_scale(self) -> bool:
        """Whether only the zero point or the element type changes."""
        return self.source.scales == self.target.scales

    def factor(self, rank: int) -> Array:
        """How many steps of the target one step of the source is, broadcast to a tensor."""
        return laid_out(self.source.scales, self.source, rank) / laid_out(
            self.target.scales, self.target, rank
        )

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        before = laid_out(self.source.zero_points, self.source, x.ndim).astype(np.int64)
        after = laid_out(self.target.zero_points, self.target, x.ndim).astype(np.int64)
        steps = x.astype(np.int64) - before
        if not self.keeps_scale:
            steps = dyadic(self.factor(x.ndim)).apply(steps)
        low, high = integer_range(self.dtype)
        return (np.asarray(np.clip(steps + after, low, high).astype(self.dtype.numpy)),)


@dataclass(frozen=True)
class Retype(Op):
    """The same stored integers, read as standing for something else; None: for themselves."""

    name = "retype"
    quantized = True

    quant: Quant | None = None

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        return (TensorType(x.dtype, x.shape, self.quant),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return inputs


@dataclass(frozen=True)
class Lookup(Op):
    """table[x]: any function of one input of at most 8 bits. Inputs: x, table.

    The table holds one result for each number that the dtype of x can hold, from the lowest on.
    """

    name = "lookup"
    quantized = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, table = inputs
        if not x.dtype.is_integer or x.dtype.bits > 8:
            raise TypeRuleError(self.name, f"dtype: expected integers of at most 8 bits, found {x}")
        if table.shape != (1 << x.dtype.bits,):
            raise TypeRuleError(
                self.name, f"table: expected [{1 << x.dtype.bits}] for {x}, found {table}"
            )
        return (table.moved(x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, table = inputs
        low, _ = integer_range(DType.of(x))
        return (np.asarray(table[x.astype(np.int64) - low]),)


def _check_source(name: str, x: TensorType, quant: Quant) -> None:
    if x.quant != quant:
        raise TypeRuleError(name, f"input: expected {quant}, found {x}")
