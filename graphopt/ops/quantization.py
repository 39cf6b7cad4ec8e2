"""Between floats and the integers that stand for them: real = scale * (stored - zero point)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType


def _check_parameters(name: str, x: TensorType, axis: int | None, *parameters: TensorType) -> None:
    """Scale and zero point are scalars, or one number per index of the axis."""
    expected = () if axis is None else (x.dims[axis],)
    for parameter in parameters:
        if parameter.shape != expected:
            raise TypeRuleError(
                name, f"scale and zero point: expected shape {list(expected)}, found {parameter}"
            )


def _along(parameter: Array, x: Array, axis: int | None) -> Array:
    if axis is None:
        return parameter
    return parameter.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


@dataclass(frozen=True)
class Quantize(Op):
    """saturate(round_half_even(x / scale) + zero_point). Inputs: x, scale, zero_point.

    `axis` None: one scale for all; else one per index of that axis. The zero point has the
    dtype of the result.
    """

    name = "quantize"

    axis: int | None = None

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, scale, zero_point = inputs
        _check_parameters(self.name, x, self.axis, scale, zero_point)
        return (TensorType(zero_point.dtype, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, scale, zero_point = inputs
        with np.errstate(all="ignore"):
            scaled = x / _along(scale, x, self.axis).astype(x.dtype)
        return (saturate(scaled, _along(zero_point, x, self.axis)),)


def saturate(scaled: Array, zero_point: Array) -> Array:
    """Round, add the zero point and saturate to its dtype."""
    dtype = DType.of(zero_point)
    if dtype.is_float:
        return np.asarray(scaled).astype(zero_point.dtype)
    low, high = integer_range(dtype)
    stored = np.rint(scaled.astype(np.float64)) + zero_point.astype(np.int64)
    return np.asarray(np.clip(stored, low, high).astype(np.int64).astype(zero_point.dtype))


def integer_range(dtype: DType) -> tuple[int, int]:
    """The least and the largest integer of a dtype."""
    bits = int(dtype.value[1:])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if dtype.is_signed else (0, (1 << bits) - 1)


@dataclass(frozen=True)
class Dequantize(Op):
    """scale * (x - zero_point), in the scale's dtype. Inputs: x, scale, zero_point."""

    name = "dequantize"

    axis: int | None = None

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, scale, zero_point = inputs
        _check_parameters(self.name, x, self.axis, scale, zero_point)
        if zero_point.dtype is not x.dtype:
            raise TypeRuleError(self.name, f"zero point: expected {x.dtype}, found {zero_point}")
        return (TensorType(scale.dtype, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, scale, zero_point = inputs
        dtype = DType.of(x)
        wide = np.float32 if dtype.is_float else np.int64
        shifted = x.astype(wide) - _along(zero_point, x, self.axis).astype(wide)
        real = shifted.astype(np.float32) * _along(scale, x, self.axis).astype(np.float32)
        return (real.astype(scale.dtype),)
