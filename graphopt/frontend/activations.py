"""The activation functions that recurrent operators name in their attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphopt.errors import UnsupportedOperator
from graphopt.frontend.compose import Compose
from graphopt.ir import Op, Value
from graphopt.ops import (
    Clip,
    Elu,
    Greater,
    HardSigmoid,
    LeakyRelu,
    Relu,
    Sigmoid,
    Softplus,
    Softsign,
    Tanh,
)

Activation = Callable[[Compose, Value], Value]

# Name -> defaults of (alpha, beta), as onnx/defs/rnn states them.
_DEFAULTS: dict[str, tuple[float, float]] = {
    "affine": (1.0, 0.0),
    "elu": (1.0, 0.0),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01, 0.0),
    "relu": (0.0, 0.0),
    "scaledtanh": (1.0, 1.0),
    "sigmoid": (0.0, 0.0),
    "softplus": (0.0, 0.0),
    "softsign": (0.0, 0.0),
    "tanh": (0.0, 0.0),
    "thresholdedrelu": (1.0, 0.0),
}
_TAKES_ALPHA = {"affine", "elu", "hardsigmoid", "leakyrelu", "scaledtanh", "thresholdedrelu"}
_TAKES_BETA = {"affine", "hardsigmoid", "scaledtanh"}


def read_activations(
    where: str,
    names: Sequence[str],
    alphas: Sequence[float],
    betas: Sequence[float],
    clip: float | None,
) -> list[Activation]:
    """The activation functions by name (any case); alphas and betas go to those that take them.

    Raises:
        UnsupportedOperator: a name that ONNX does not define for recurrent operators.
    """
    alpha_queue, beta_queue = list(alphas), list(betas)
    result = []
    for name in names:
        key = name.lower()
        if key not in _DEFAULTS:
            raise UnsupportedOperator(
                where, f"activation: expected one of {', '.join(_DEFAULTS)}, found {name!r}"
            )
        alpha, beta = _DEFAULTS[key]
        if key in _TAKES_ALPHA and alpha_queue:
            alpha = alpha_queue.pop(0)
        if key in _TAKES_BETA and beta_queue:
            beta = beta_queue.pop(0)
        result.append(_activation(key, alpha, beta, clip))
    return result


def _activation(key: str, alpha: float, beta: float, clip: float | None) -> Activation:
    simple: dict[str, Op] = {
        "elu": Elu(alpha),
        "hardsigmoid": HardSigmoid(alpha, beta),
        "leakyrelu": LeakyRelu(alpha),
        "relu": Relu(),
        "sigmoid": Sigmoid(),
        "softplus": Softplus(),
        "softsign": Softsign(),
        "tanh": Tanh(),
    }

    def apply(c: Compose, x: Value) -> Value:
        if clip is not None:
            x = c.apply(Clip(-clip, clip), x)
        if key == "affine":
            return c.add(c.mul(x, alpha), beta)
        if key == "scaledtanh":
            return c.mul(c.apply(Tanh(), c.mul(x, beta)), alpha)
        if key == "thresholdedrelu":
            return c.where(c.binary(Greater(), x, alpha), x, 0)
        return c.apply(simple[key], x)

    return apply
