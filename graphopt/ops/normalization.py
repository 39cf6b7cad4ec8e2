"""Softmax and the normalizations over axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Op, TensorType


def check_axes(name: str, axes: tuple[int, ...], rank: int) -> None:
    """Axes are sorted, distinct and count from the front.

    Raises:
        TypeRuleError: they are not.
    """
    if list(axes) != sorted(set(axes)) or (axes and not 0 <= axes[0] <= axes[-1] < rank):
        raise TypeRuleError(name, f"axes: expected sorted, within rank {rank}, found {axes}")


def wide(x: Array) -> Array:
    """`x` in the precision that sums are taken in: at least f32."""
    return x if x.dtype == np.float64 else x.astype(np.float32)


@dataclass(frozen=True)
class Softmax(Op):
    """exp(x) / sum(exp(x)) over one axis, or its logarithm."""

    name = "softmax"

    axis: int
    log: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, (self.axis,), x.rank)
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        with np.errstate(all="ignore"):
            shifted = wide(x) - wide(x).max(axis=self.axis, keepdims=True, initial=-np.inf)
            e = np.exp(shifted)
            total = e.sum(axis=self.axis, keepdims=True)
            y = shifted - np.log(total) if self.log else e / total
        return (y.astype(x.dtype),)


@dataclass(frozen=True)
class LayerNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) over the axes, without scale or bias.

    With `rms`, x / sqrt(mean(x * x) + epsilon).
    """

    name = "layer_norm"

    axes: tuple[int, ...]
    epsilon: float = 1e-5
    rms: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, self.axes, x.rank)
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        centred = wide(x)
        if not self.rms:
            centred = centred - centred.mean(axis=self.axes, keepdims=True)
        variance = np.square(centred).mean(axis=self.axes, keepdims=True)
        return ((centred / np.sqrt(variance + self.epsilon)).astype(x.dtype),)
