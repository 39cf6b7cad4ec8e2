"""Unary arithmetic and activation functions."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graphopt.ir import Array, Quant, TensorType
from graphopt.ops.elementwise import Elementwise, same_quant

# Of u64.
LARGEST_ROOT = 2**32 - 1

_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Array) -> Array:
    """The error function, in double precision."""
    return np.asarray(_erf(x.astype(np.float64)))


def sigmoid(x: Array) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    return np.where(
        x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))
    )


@dataclass(frozen=True)
class Abs(Elementwise):
    """|x|"""

    name = "abs"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.abs(x)


@dataclass(frozen=True)
class Neg(Elementwise):
    """-x"""

    name = "neg"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.negative(x)


@dataclass(frozen=True)
class Exp(Elementwise):
    """e to the power x"""

    name = "exp"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.exp(x)


@dataclass(frozen=True)
class Log(Elementwise):
    """The natural logarithm."""

    name = "log"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.log(x)


@dataclass(frozen=True)
class Sqrt(Elementwise):
    """The square root. Of integers, the largest whose square is not above x; 0 of negative ones."""

    name = "sqrt"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        if not np.issubdtype(x.dtype, np.integer):
            return np.sqrt(x)
        wide = np.maximum(x, 0).astype(np.uint64)
        root = np.minimum(np.sqrt(wide.astype(np.float64)), LARGEST_ROOT).astype(np.uint64)
        root -= root * root > wide
        return root + (wide - root * root > root + root)


@dataclass(frozen=True)
class Reciprocal(Elementwise):
    """1 / x"""

    name = "reciprocal"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return 1 / x


@dataclass(frozen=True)
class Floor(Elementwise):
    """The largest integer not above x."""

    name = "floor"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.floor(x)


@dataclass(frozen=True)
class Ceil(Elementwise):
    """The smallest integer not below x."""

    name = "ceil"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.ceil(x)


@dataclass(frozen=True)
class Round(Elementwise):
    """The nearest integer, ties to even."""

    name = "round"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.rint(x)


@dataclass(frozen=True)
class Sign(Elementwise):
    """-1, 0 or 1."""

    name = "sign"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.sign(x)


@dataclass(frozen=True)
class Erf(Elementwise):
    """The error function."""

    name = "erf"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return erf(x)


@dataclass(frozen=True)
class Sin(Elementwise):
    """Sine."""

    name = "sin"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.sin(x)


@dataclass(frozen=True)
class Cos(Elementwise):
    """Cosine."""

    name = "cos"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.cos(x)


@dataclass(frozen=True)
class Tan(Elementwise):
    """Tangent."""

    name = "tan"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.tan(x)


@dataclass(frozen=True)
class Asin(Elementwise):
    """Inverse sine."""

    name = "asin"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arcsin(x)


@dataclass(frozen=True)
class Acos(Elementwise):
    """Inverse cosine."""

    name = "acos"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arccos(x)


@dataclass(frozen=True)
class Atan(Elementwise):
    """Inverse tangent."""

    name = "atan"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arctan(x)


@dataclass(frozen=True)
class Sinh(Elementwise):
    """Hyperbolic sine."""

    name = "sinh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.sinh(x)


@dataclass(frozen=True)
class Cosh(Elementwise):
    """Hyperbolic cosine."""

    name = "cosh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.cosh(x)


@dataclass(frozen=True)
class Tanh(Elementwise):
    """Hyperbolic tangent."""

    name = "tanh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.tanh(x)


@dataclass(frozen=True)
class Asinh(Elementwise):
    """Inverse hyperbolic sine."""

    name = "asinh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arcsinh(x)


@dataclass(frozen=True)
class Acosh(Elementwise):
    """Inverse hyperbolic cosine."""

    name = "acosh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arccosh(x)


@dataclass(frozen=True)
class Atanh(Elementwise):
    """Inverse hyperbolic tangent."""

    name = "atanh"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.arctanh(x)


@dataclass(frozen=True)
class Relu(Elementwise):
    """max(x, 0)"""

    name = "relu"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.maximum(x, 0)


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x))"""

    name = "sigmoid"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return sigmoid(x)


@dataclass(frozen=True)
class Softplus(Elementwise):
    """log(1 + exp(x))"""

    name = "softplus"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.logaddexp(x, 0)


@dataclass(frozen=True)
class Softsign(Elementwise):
    """x / (1 + |x|)"""

    name = "softsign"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return x / (1 + np.abs(x))


@dataclass(frozen=True)
class HardSwish(Elementwise):
    """x * clip(x/6 + 1/2, 0, 1)"""

    name = "hard_swish"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return x * np.clip(x / 6 + 0.5, 0, 1)


@dataclass(frozen=True)
class Silu(Elementwise):
    """x * sigmoid(x)"""

    name = "silu"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return x * sigmoid(x)


@dataclass(frozen=True)
class Not(Elementwise):
    """Logical negation of booleans."""

    name = "not"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.logical_not(x)


@dataclass(frozen=True)
class BitwiseNot(Elementwise):
    """Bitwise complement of integers."""

    name = "bitwise_not"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.bitwise_not(x)


@dataclass(frozen=True)
class Gelu(Elementwise):
    """x * (1 + erf(x / sqrt 2)) / 2, or its tanh approximation (Hendrycks and Gimpel, 2016)."""

    name = "gelu"

    approximate: Literal["none", "tanh"] = "none"

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        if self.approximate == "none":
            return 0.5 * x * (1 + erf(x / math.sqrt(2)))
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@dataclass(frozen=True)
class Clip(Elementwise):
    """x held between `low` and `high`; None means unbounded. Of quantized x, the stored numbers."""

    name = "clip"
    quantized = True

    low: float | None = None
    high: float | None = None

    def quant_of(self, *inputs: TensorType) -> Quant:
        return same_quant(self.name, inputs, centered=False)

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        if self.low is not None:
            x = np.maximum(x, np.asarray(self.low).astype(x.dtype))
        if self.high is not None:
            x = np.minimum(x, np.asarray(self.high).astype(x.dtype))
        return x


@dataclass(frozen=True)
class LeakyRelu(Elementwise):
    """x where positive, else alpha * x."""

    name = "leaky_relu"

    alpha: float = 0.01

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.where(x >= 0, x, x * np.asarray(self.alpha).astype(x.dtype))


@dataclass(frozen=True)
class Elu(Elementwise):
    """gamma * x where positive, else gamma * alpha * (exp(x) - 1); Selu has gamma not 1."""

    name = "elu"

    alpha: float = 1.0
    gamma: float = 1.0

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return self.gamma * np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))


@dataclass(frozen=True)
class HardSigmoid(Elementwise):
    """clip(alpha * x + beta, 0, 1)"""

    name = "hard_sigmoid"

    alpha: float = 0.2
    beta: float = 0.5

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.clip(self.alpha * x + self.beta, 0, 1)
